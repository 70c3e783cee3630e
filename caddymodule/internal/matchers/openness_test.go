package matchers

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A fakeMatcher is a matcher made of a function.
type fakeMatcher func(*http.Request) (bool, error)

func (f fakeMatcher) MatchWithError(r *http.Request) (bool, error) { return f(r) }

// prepared makes a request as Caddy hands it to its handlers.
func prepared(t testing.TB, method, target string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, new(caddyhttp.Server))
}

func onPath(path string) caddyhttp.MatcherSets {
	return caddyhttp.MatcherSets{{fakeMatcher(func(r *http.Request) (bool, error) { return r.URL.Path == path, nil })}}
}

func TestOpen_IsWhatTheMatcherDoesNotMatchTwice(t *testing.T) {
	t.Parallel()
	failing := caddyhttp.MatcherSets{{fakeMatcher(func(*http.Request) (bool, error) { return false, errors.New("failed") })}}
	tests := map[string]struct {
		matchers         caddyhttp.MatcherSets
		asked, rewritten string
		want             bool
	}{
		"no matcher":                    {nil, "/x", "/x", false},
		"matched":                       {onPath("/closed"), "/closed", "/closed", false},
		"left out":                      {onPath("/closed"), "/open", "/open", true},
		"rewritten to what is closed":   {onPath("/closed"), "/open", "/closed", false},
		"rewritten from what is closed": {onPath("/closed"), "/closed", "/index.php", false},
		"rewritten between open ones":   {onPath("/closed"), "/open", "/index.php", true},
		"a matcher that fails":          {failing, "/open", "/open", false},
		"one that fails on a rewritten": {failing, "/open", "/index.php", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Openness{Closed: readBy(tt.matchers)}
			r := prepared(t, http.MethodGet, tt.asked)
			r.URL.Path = tt.rewritten
			if got := o.IsOpen(r); got != tt.want {
				t.Errorf("open = %v, want %v", got, tt.want)
			}
			if r.URL.Path != tt.rewritten {
				t.Errorf("got the path %q, want the request unchanged with %q", r.URL.Path, tt.rewritten)
			}
		})
	}
}

// A matcher may fail only on the address as asked.
func TestOpen_IsFalseIfTheMatcherFails(t *testing.T) {
	t.Parallel()
	o := Openness{Closed: readBy(caddyhttp.MatcherSets{{fakeMatcher(func(r *http.Request) (bool, error) {
		if r.URL.Path == "/asked" {
			return false, errors.New("failed")
		}
		return false, nil
	})}})}
	r := prepared(t, http.MethodGet, "/asked")
	r.URL.Path = "/rewritten"
	if o.IsOpen(r) {
		t.Error("got an open request after a failing matcher, want it closed")
	}
}

func TestOpen_ChecksTheMethodAsSent(t *testing.T) {
	t.Parallel()
	o := Openness{Closed: readBy(caddyhttp.MatcherSets{{fakeMatcher(func(r *http.Request) (bool, error) {
		return r.Method == http.MethodPost, nil
	})}})}
	r := prepared(t, http.MethodPost, "/")
	r.Method = http.MethodGet
	if o.IsOpen(r) {
		t.Error("got a POST that was made a GET open, want it closed")
	}
}

// A request whose address is plain costs no more than its matchers.
func TestOpen_AllocatesNothing(t *testing.T) {
	o := Openness{Closed: readBy(onPath("/closed"))}
	r := prepared(t, http.MethodGet, "/assets/app.js?v=1")
	if n := testing.AllocsPerRun(100, func() { o.IsOpen(r) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// An option open opens nothing by a matcher that fails, whatever it says besides.
func TestOpen_NothingIsOpenByAMatcherThatFails(t *testing.T) {
	t.Parallel()
	for _, says := range []bool{false, true} {
		failing := caddyhttp.MatcherSets{{fakeMatcher(func(*http.Request) (bool, error) { return says, errors.New("failed") })}}
		o := Openness{Opened: readBy(failing)}
		if o.IsOpen(prepared(t, http.MethodGet, "/x")) {
			t.Errorf("a matcher that fails and says %v: got open, want closed", says)
		}
	}
}

// A matcher of several parts is asked about those that are not ambiguous, of the
// request as it was sent and as it was rewritten.
func TestOpen_AmbiguousPartsCountAsMatching(t *testing.T) {
	t.Parallel()
	path := caddyhttp.MatchPath{"/admin/*"}
	method := caddyhttp.MatchMethod{http.MethodPost}
	for name, tt := range map[string]struct {
		sets                   caddyhttp.MatcherSets
		method, asked          string
		newMethod, rewrittenTo string
		want                   bool
	}{
		"plain":                         {caddyhttp.MatcherSets{{path, method}}, "POST", "/public/x", "POST", "/public/x", true},
		"as sent":                       {caddyhttp.MatcherSets{{path, method}}, "POST", "/public/..;/admin/x", "POST", "/public/..;/admin/x", false},
		"as sent, another method":       {caddyhttp.MatcherSets{{path, method}}, "GET", "/public/..;/admin/x", "GET", "/public/..;/admin/x", true},
		"as sent, the method rewritten": {caddyhttp.MatcherSets{{path, method}}, "POST", "/public/..;/admin/x", "GET", "/public/y", false},
		"as rewritten":                  {caddyhttp.MatcherSets{{path}}, "GET", "/public/x", "GET", "/public/..;/admin/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Openness{Closed: readBy(tt.sets)}
			r := prepared(t, tt.method, tt.asked)
			to, err := url.Parse(tt.rewrittenTo)
			if err != nil {
				t.Fatal(err)
			}
			r.Method, r.URL = tt.newMethod, to
			if got := o.IsOpen(r); got != tt.want {
				t.Errorf("got open %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOpen_LeavesTheBodyForTheApplication(t *testing.T) {
	t.Parallel()
	o := Openness{Closed: closedIn(t, `[{"expression": "{http.request.body}.contains('closed')"}]`)}
	r := received(t, "/open")
	r.Body = io.NopCloser(strings.NewReader("some text"))
	r.URL.Path = "/index.php"
	if !o.IsOpen(r) {
		t.Error("got closed, want open")
	}
	body, err := io.ReadAll(r.Body)
	if string(body) != "some text" || err != nil || r.URL.Path != "/index.php" {
		t.Errorf("got the body %q, %v at %s, want it unread at the rewritten address", body, err, r.URL.Path)
	}
}

// TestOpen_AnotherMethodInTheRequestCounts: a framework reads the method from a
// header or the query, where the matcher reads the request line.
func TestOpen_AnotherMethodInTheRequestCounts(t *testing.T) {
	t.Parallel()
	const overridden, plain = "overridden", "plain"
	for name, tt := range map[string]struct {
		text string
		want map[string]bool // whether the matcher concerns the request
	}{
		"writes":            {`[{"not": [{"method": ["GET", "HEAD"]}]}]`, map[string]bool{plain: false, overridden: true}},
		"one method":        {`[{"method": ["DELETE"]}]`, map[string]bool{plain: false, overridden: true}},
		"expression":        {`[{"expression": "method('DELETE')"}]`, map[string]bool{plain: false, overridden: true}},
		"placeholder":       {`[{"expression": "{http.request.method} == 'DELETE'"}]`, map[string]bool{plain: false, overridden: true}},
		"and a path":        {`[{"method": ["DELETE"], "path": ["/x/*"]}]`, map[string]bool{plain: false, overridden: true}},
		"and another path":  {`[{"method": ["DELETE"], "path": ["/y/*"]}]`, map[string]bool{plain: false, overridden: false}},
		"not of the method": {`[{"path": ["/y/*"]}]`, map[string]bool{plain: false, overridden: false}},
	} {
		sets := closedIn(t, tt.text)
		for _, change := range []func(*http.Request){
			func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE") },
			func(r *http.Request) { r.URL.RawQuery = "_method=DELETE" },
			func(r *http.Request) { *r = *receivedBy(t, "delete", "/x/1") },
		} {
			r := received(t, "/x/1")
			if got := sets.Concern(r); got != tt.want[plain] {
				t.Errorf("%s: got %v for a plain GET, want %v", name, got, tt.want[plain])
			}
			change(r)
			if got := sets.Concern(r); got != tt.want[overridden] {
				t.Errorf("%s: got %v for %s %s with %v, want %v", name, got, r.Method, r.URL, r.Header, tt.want[overridden])
			}
		}
	}
	opened := Openness{Opened: closedIn(t, `[{"method": ["GET"]}]`)}
	r := received(t, "/x?_method=DELETE")
	if opened.IsOpen(r) {
		t.Error("got a request open by its method although it names another one, want it closed")
	}
}

// TestOpen_CaseDoesNotOpen: Caddy's matchers of paths and hosts ignore case, others do
// not, and neither do many applications.
func TestOpen_CaseDoesNotOpen(t *testing.T) {
	t.Parallel()
	const pattern, not = `[{"path_regexp": {"pattern": "^/admin"}}]`, `[{"not": [{"path_regexp": {"pattern": "^/admin"}}]}]`
	for _, tt := range []struct {
		closed, opened, target, host string
		want                         bool
	}{
		{pattern, "", "/wiki/Page", "", true},
		{pattern, "", "/Admin/x", "", false},
		{pattern, "", "/aDMIN", "", false},
		{pattern, "", "/public/Admin", "", true},
		{`[{"path_regexp": {"pattern": "^/admin"}, "not": [{"path_regexp": {"pattern": "/Public$"}}]}]`, "", "/Admin/Public", "", true},
		{`[{"expression": "{http.request.uri.path}.startsWith('/admin')"}]`, "", "/Admin/x", "", false},
		{`[{"expression": "path_regexp('^/admin')"}]`, "", "/ADMIN", "", false},
		{`[{"expression": "{http.request.host} == 'admin.example.com'"}]`, "", "/x", "Admin.example.com", false},
		{`[{"expression": "{http.request.host} == 'admin.example.com'"}]`, "", "/x", "Wiki.example.com", true},
		{`[{"vars": {"{http.request.uri.path}": ["/admin"]}}]`, "", "/Admin", "", false},
		{`[{"path": ["/admin*"]}]`, "", "/ADMIN", "", false},
		{"", not, "/wiki/Page", "", true},
		{"", not, "/Admin/x", "", false},
		{"", `[{"path_regexp": {"pattern": "^/Items/[^/]+/Images"}}]`, "/Items/1/Images", "", true},
		{"", `[{"path_regexp": {"pattern": "^/Items/[^/]+/Images"}}]`, "/items/1/Images", "", false},
		{"", `[{"expression": "!{http.request.uri.path}.startsWith('/admin')"}]`, "/Admin/x", "", false},
		{"", `[{"expression": "{http.request.uri.path}.startsWith('/public/')"}]`, "/public/Page", "", true},
	} {
		var o Openness
		if tt.closed != "" {
			o.Closed = closedIn(t, tt.closed)
		}
		if tt.opened != "" {
			o.Opened = closedIn(t, tt.opened)
		}
		r := received(t, tt.target)
		r.Host = cmp.Or(tt.host, r.Host)
		if got := o.IsOpen(r); got != tt.want {
			t.Errorf("only %s, open %s: got %v for %s%s, want %v", tt.closed, tt.opened, got, r.Host, tt.target, tt.want)
		}
		if r.URL.Path != tt.target || tt.host != "" && r.Host != tt.host {
			t.Errorf("got the request at %s%s afterwards, want %s%s", r.Host, r.URL.Path, tt.host, tt.target)
		}
	}
}

// TestOpen_SlashAtTheEndDoesNotOpen: many frameworks treat /admin/ as /admin.
func TestOpen_SlashAtTheEndDoesNotOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		closed, opened, target string
		want                   bool
	}{
		{`[{"path": ["/admin"]}]`, "", "/admin/", false},
		{`[{"path": ["/admin"]}]`, "", "/ADMIN/", false},
		{`[{"path": ["/admin"]}]`, "", "/admin/x", true},
		{`[{"path": ["/x", "/Admin/"]}]`, "", "/admin", false},
		{`[{"path": ["/admin/*"]}]`, "", "/admin", false},
		{`[{"path": ["/admin/*"]}]`, "", "/admins", true},
		{`[{"path": ["/admin/*"], "method": ["GET"]}]`, "", "/admin", false},
		{`[{"path": ["*.php"]}]`, "", "/x.php/", false},
		{`[{"path": ["/wiki%20x"]}]`, "", "/wiki%20x/", false},
		{`[{"path_regexp": {"pattern": "^/admin$"}}]`, "", "/admin/", false},
		{`[{"path_regexp": {"pattern": "^/admin$"}}]`, "", "/Admin/", false},
		{`[{"path_regexp": {"pattern": "^/admin/"}}]`, "", "/Admin", false},
		{`[{"path_regexp": {"pattern": "^/admin/"}}]`, "", "/", true},
		{`[{"not": [{"path_regexp": {"pattern": "^/healthz$"}}]}]`, "", "/healthz", true},
		{`[{"expression": "{http.request.uri.path} != '/healthz'"}]`, "", "/healthz", true},
		{"", `[{"not": [{"path_regexp": {"pattern": "^/admin$"}}]}]`, "/admin/", false},
		{"", `[{"path_regexp": {"pattern": "^/healthz$"}}]`, "/healthz", true},
		{`[{"not": [{"path": ["/healthz"]}]}]`, "", "/healthz", true},
		{`[{"not": [{"path": ["/healthz"]}]}]`, "", "/healthz/", false},
		{`[{"not": [{"path": ["/public/*"]}]}]`, "", "/public", false},
		{"", `[{"path": ["/healthz"]}]`, "/healthz", true},
		{"", `[{"path": ["/healthz"]}]`, "/healthz/", false},
		{"", `[{"path": ["/public/*"]}]`, "/public", false},
		{"", `[{"not": [{"path": ["/admin"]}]}]`, "/admin/", false},
		{"", `[{"not": [{"path": ["/admin/*"]}]}]`, "/admin", false},
		{"", `[{"not": [{"path": ["/admin/*"]}]}]`, "/wiki", true},
		{"", `[{"not": [{"path": ["/admin"], "method": ["GET"]}, {"path": ["/x"]}]}]`, "/admin/", false},
	} {
		var o Openness
		if tt.closed != "" {
			o.Closed = closedIn(t, tt.closed)
		}
		if tt.opened != "" {
			o.Opened = closedIn(t, tt.opened)
		}
		if got := o.IsOpen(received(t, tt.target)); got != tt.want {
			t.Errorf("only %s, open %s: got %v for %s, want %v", tt.closed, tt.opened, got, tt.target, tt.want)
		}
	}
}

// TestOpen_ConnectCountsAsTheUpgradeThatItBecomes: Caddy makes a GET with the headers
// of an upgrade out of the CONNECT that opens a WebSocket over HTTP/2 and HTTP/3.
func TestOpen_ConnectCountsAsTheUpgradeThatItBecomes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`[{"method": ["GET"]}]`: true,
		`[{"header": {"Connection": ["*Upgrade*"], "Upgrade": ["websocket"]}}]`: true,
		`[{"header_regexp": {"Upgrade": {"pattern": "(?i)^websocket$"}}}]`:      true,
		`[{"header": {"Sec-WebSocket-Key": ["*"]}, "path": ["/x"]}]`:            true,
		`[{"not": [{"not": [{"header": {"upgrade": ["websocket"]}}]}]}]`:        true,
		`[{"expression": "header({'Upgrade': 'websocket'})"}]`:                  true,
		`[{"expression": "{http.request.header.upgrade} == 'websocket'"}]`:      true,
		`[{"vars": {"{http.request.header.Connection}": ["Upgrade"]}}]`:         true,
		`[{"header": {"Upgrade": ["websocket"]}, "path": ["/y"]}]`:              false,
		`[{"header": {"X-Missing": ["yes"]}}]`:                                  false,
	} {
		sets := closedIn(t, text)
		if r := receivedBy(t, http.MethodPatch, "/x"); sets.Concern(r) {
			t.Errorf("%s: got a PATCH concerned, want it open", text)
		}
		if got := sets.Concern(receivedBy(t, http.MethodConnect, "/x")); got != want {
			t.Errorf("%s: got %v for CONNECT, want %v", text, got, want)
		}
	}
	opened := Openness{Opened: closedIn(t, `[{"not": [{"header": {"Upgrade": ["*"]}}]}, {"not": [{"method": ["GET"]}]}]`)}
	if opened.IsOpen(receivedBy(t, http.MethodConnect, "/x")) {
		t.Error("got a CONNECT open by what it does not say, want it closed")
	}
}

// TestOpen_DestinationCounts: WebDAV writes to a second address, which a header names.
func TestOpen_DestinationCounts(t *testing.T) {
	t.Parallel()
	o := Openness{Closed: closedIn(t, `[{"path": ["/admin/*"]}]`), Opened: nil}
	opened := Openness{Opened: closedIn(t, `[{"path": ["/public/*"]}]`)}
	for to, open := range map[string]bool{
		"https://app.example.com/public/b":        true,
		"/public/b%20c":                           true,
		"https://app.example.com/admin/b":         false,
		"/admin/b":                                false,
		"//app.example.com/admin/b":               false,
		"//admin/public/b":                        false,
		"http:/public/b":                          false,
		"https://elsewhere.example/public/b":      false,
		"https://admin@app.example.com/public/b":  false,
		"file://app.example.com/public/b":         false,
		"https://APP.example.com:443/public/b":    true,
		"/public/b#/../../admin/b":                false,
		"/public/b?/../../admin/b":                false,
		"/ADMIN/b":                                false,
		"/public/..;/admin/b":                     false,
		"/public/%2e%2e/admin/b":                  false,
		"https://app.example.com/public/../admin": false,
		"admin/b":     false,
		"mailto:x":    false,
		"":            false,
		"/public/%zz": false,
	} {
		for what, o := range map[string]Openness{"closed": o, "open": opened} {
			r := receivedBy(t, "MOVE", "/public/a")
			if !o.IsOpen(r) {
				t.Errorf("%s: got a MOVE without a destination closed, want it open", what)
			}
			r.Header.Set("Destination", to)
			if got := o.IsOpen(r); got != open {
				t.Errorf("%s: got %v for a MOVE to %s, want %v", what, got, to, open)
			}
			if r.URL.Path != "/public/a" {
				t.Errorf("%s: got the path %s afterwards, want it as it was", what, r.URL.Path)
			}
			r.Header.Add("Destination", "/public/b")
			if o.IsOpen(r) {
				t.Errorf("%s: got a MOVE to two addresses open, want it closed", what)
			}
		}
	}
}

// TestOpen_PrefixInAHeaderCounts: many applications take off the path what a header
// calls their prefix.
func TestOpen_PrefixInAHeaderCounts(t *testing.T) {
	t.Parallel()
	closed := Openness{Closed: closedIn(t, `[{"path": ["/admin*"]}]`)}
	opened := Openness{Opened: closedIn(t, `[{"path": ["/public/*"]}]`)}
	for _, tt := range []struct {
		prefix, path string
		open         bool
	}{
		{"/public", "/public/admin/x", false},
		{"/public/", "/public/admin/x", false},
		{"public", "/public/admin/x", false},
		{"/a, /public", "/public/admin/x", false},
		{"/public/admin", "/public/admin", false},
		{"/pub", "/public/admin", false},
		{"/public/%C3%A9", "/public/%C3%A9/admin", false},
		{"/public/\u00e9", "/public/%C3%A9/admin", false},
		{"/wiki", "/public/admin/x", true},
		{"/", "/public/admin/x", true},
		{"", "/public/admin/x", true},
		{"/public", "/public/public/x", true},
	} {
		for _, name := range []string{"X-Script-Name", "X-Forwarded-Prefix", "X-Forwarded-Path", "Script_Name"} {
			r := receivedBy(t, "GET", tt.path)
			r.Header[name] = []string{tt.prefix}
			if got := opened.IsOpen(r); got != tt.open {
				t.Errorf("open: got %v for %s with %s: %s, want %v", got, tt.path, name, tt.prefix, tt.open)
			}
			if closed.IsOpen(r) && strings.Contains(tt.path, "/admin/x") && !tt.open {
				t.Errorf("closed: got %s open with %s: %s, want it closed", tt.path, name, tt.prefix)
			}
		}
	}
	r := receivedBy(t, "GET", "/app/wiki") // as a proxy in front sends it
	r.Header.Set("X-Script-Name", "/app")
	if closed.Closed.Concern(r) {
		t.Error("got a rule for /admin concerned with /app/wiki at the prefix /app, want it not")
	}
}

// TestOpen_ManyPrefixesAreNotAllLookedAt: matchers would be asked about each of them,
// for seconds if a client sends a large header.
func TestOpen_ManyPrefixesAreNotAllLookedAt(t *testing.T) {
	t.Parallel()
	r := receivedBy(t, "GET", "/public/x")
	for _, name := range []string{"X-Script-Name", "X-Forwarded-Prefix"} {
		r.Header.Set(name, strings.Repeat("/public,", 100_000))
	}
	if all, _, ambiguous := otherLines(r); len(all) > 2*maxPrefixes+1 || ambiguous&rules.PartPath == 0 {
		t.Errorf("got %d other addresses and the ambiguous parts %b, want few, and the path among them", len(all), ambiguous)
	}
	if opened := (Openness{Opened: closedIn(t, `[{"path": ["/public/*"]}]`)}); opened.IsOpen(r) {
		t.Error("got a path open with more prefixes than are looked at, want it closed")
	}
	long := receivedBy(t, "GET", "/public/x"+strings.Repeat("/%C3%A9", 10_000))
	long.Header.Set("X-Script-Name", "/public, /public/x, /public/x/%C3%A9")
	if all, _, ambiguous := otherLines(long); len(all) != 1 || ambiguous&rules.PartPath == 0 {
		t.Errorf("long path: got %d other addresses and the ambiguous parts %b, want one, and the path among them", len(all), ambiguous)
	}
}

// TestOpen_AnotherAddressInAHeaderCounts: some frameworks read the path from a
// header that IIS sends.
func TestOpen_AnotherAddressInAHeaderCounts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`[{"not": [{"path": ["/public/*"]}]}]`:                         true,
		`[{"path": ["/admin/*"]}]`:                                     true,
		`[{"path_regexp": {"pattern": "^/admin"}}]`:                    true,
		`[{"expression": "path('/admin*')"}]`:                          true,
		`[{"query": {"action": ["edit"]}}]`:                            true,
		`[{"path": ["/admin/*"], "header": {"X-Missing": ["yes"]}}]`:   false,
		`[{"method": ["DELETE"], "header": {"X-Missing": ["maybe"]}}]`: false,
	} {
		sets := closedIn(t, text)
		for _, name := range []string{"X-Original-Url", "X-Rewrite-Url", "x~original~url"} {
			r := received(t, "/public/x")
			r.Header[name] = []string{"/public/x"}
			if sets.Concern(r) {
				t.Errorf("%s: got %s with the same address concerned, want it open", text, name)
			}
			r.Header[name] = []string{"/admin/x?action=edit"}
			if got := sets.Concern(r); got != want {
				t.Errorf("%s: got %v for another address in %s, want %v", text, got, name, want)
			}
		}
	}
}

// TestOpen_AddressWithoutAScriptCounts: frameworks treat /index.php/admin as /admin.
func TestOpen_AddressWithoutAScriptCounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		closed, opened string
		open, not      []string
	}{
		"closed paths": {
			`[{"path": ["/admin/*", "/app/admin/*"]}]`, "",
			[]string{"/index.php", "/index.php/wiki", "/index.php5/admin/x", "/.php/admin/x", "/admin.php/x", "/x/index.php/admin/y"},
			[]string{
				"/index.php/admin/x", "/INDEX.PHP/admin/x", "/app.py/admin/x", "/cgi-bin/x.cgi/../../admin/x", "/app/index.php/admin/x",
				"/index.php/app/admin/x", "/index.php/admin/", strings.Repeat("/x.php", 99) + "/wiki",
			},
		},
		"all but some paths": {
			`[{"not": [{"path": ["/public/*", "/remote.php/*"]}]}]`, "",
			[]string{"/public/index.php/x", "/remote.php/dav/x"},
			[]string{"/index.php/x", "/index.php/remote.php/x/y"},
		},
		"an expression": {
			`[{"expression": "path_regexp('^/admin/')"}]`, "",
			[]string{"/index.php/wiki"},
			[]string{"/index.php/admin/x"},
		},
		"open paths": {
			"", `[{"path": ["/public/*", "/s/*", "/index.php/s/*", "/remote.php/*"]}, {"path_regexp": {"pattern": "^/status\\.php/"}}]`,
			[]string{"/public/index.php/x", "/index.php/s/x", "/remote.php/dav/x", "/status.php/x"},
			[]string{"/index.php/admin", "/index.php/s.php/x"},
		},
		"all but a path is open": {
			"", `[{"not": [{"path": ["/admin/*"]}]}]`,
			[]string{"/index.php/wiki", "/index.php"},
			[]string{"/index.php/admin/x", strings.Repeat("/x.php", 99) + "/wiki"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o Openness
			if tt.closed != "" {
				o.Closed = closedIn(t, tt.closed)
			} else {
				o.Opened = closedIn(t, tt.opened)
			}
			for _, path := range tt.open {
				if !o.IsOpen(received(t, path)) {
					t.Errorf("got %s closed, want it open", path)
				}
			}
			for _, path := range tt.not {
				if o.IsOpen(received(t, path)) {
					t.Errorf("got %.60s open, want it closed", path)
				}
				r := received(t, path)
				r.URL = &url.URL{Path: "/public/front"}
				if o.IsOpen(r) {
					t.Errorf("got %.60s open after a rewrite, want it closed", path)
				}
			}
		})
	}
}

// TestOpen_MatchersThatMayReadAnythingCountForAllParts: what a variable or a placeholder
// of the directive map was made from is not known.
func TestOpen_MatchersThatMayReadAnythingCountForAllParts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`[{"url_pattern": {"pattern": "/books/*?admin=1"}}]`:                    true,
		`[{"expression": "url_pattern('/books/*?admin=1')"}]`:                   true,
		`[{"vars": {"area": ["admin"]}}]`:                                       true,
		`[{"vars_regexp": {"area": {"pattern": "^admin$"}}}]`:                   true,
		`[{"expression": "vars({'area': 'admin'})"}]`:                           true,
		`[{"expression": "{http.vars.area} == 'admin'"}]`:                       true,
		`[{"expression": "{area} == 'admin'"}]`:                                 true,
		`[{"header": {"X-Area": ["{area}"]}}]`:                                  true,
		`[{"not": [{"header": {"X-Area": ["{area}"]}}], "path": ["/other/*"]}]`: false,
		`[{"header": {"X-Area": ["{env.AREA}x"]}}]`:                             false,
		`[{"expression": "{http.request.header.X-Area} == 'admin'"}]`:           false,
		`[{"expression": "header({'X-Area': 'admin'})"}]`:                       false,
		`[{"path_regexp": {"pattern": "^/a{2}$"}}]`:                             false,
	} {
		sets := closedIn(t, text)
		if sets.Concern(received(t, "/books/x?action=1")) {
			t.Errorf("%s: got a plain request concerned, want it open", text)
		}
		if got := sets.Concern(received(t, "/books/x?%61dmin=1")); got != want {
			t.Errorf("%s: got %v for an ambiguous query, want %v", text, got, want)
		}
	}
}

// TestOpen_HostInAHeaderMatcherIsAHost: Caddy's matchers of headers also read the host.
func TestOpen_HostInAHeaderMatcherIsAHost(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`[{"header": {"Host": ["admin.example.com"]}}]`,
		`[{"header": {"host": ["admin.*"]}}]`,
		`[{"header_regexp": {"Host": {"pattern": "^admin\\."}}}]`,
		`[{"expression": "header({'Host': 'admin.example.com'})"}]`,
		`[{"expression": "header_regexp(\"Host\", \"^admin\")"}]`,
	} {
		sets := closedIn(t, text)
		for host, want := range map[string]bool{"app.example.com": false, "admin.example.com": true, "ADMIN.example.com": true, "admin.example.com.": true} {
			r := received(t, "/x")
			r.Host = host
			if got := sets.Concern(r); got != want {
				t.Errorf("%s: got %v for %s, want %v", text, got, host, want)
			}
		}
	}
}

// TestTooEarly_IsAnAddressBeforeTheHandshake: such a request is neither open nor closed.
func TestTooEarly_IsAnAddressBeforeTheHandshake(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`[{"client_ip": {"ranges": ["192.0.2.0/24"]}}]`:                           true,
		`[{"path": ["/x"]}, {"remote_ip": {"ranges": ["192.0.2.7"]}}]`:            true,
		`[{"not": [{"client_ip": {"ranges": ["192.0.2.0/24"]}}]}]`:                true,
		`[{"expression": "client_ip('192.0.2.0/24') || path('/y')"}]`:             true,
		`[{"path": ["/x"], "header": {"X-Missing": ["yes"]}, "method": ["GET"]}]`: false,
	} {
		sets := closedIn(t, text)
		for complete, want := range map[bool]bool{true: false, false: want} {
			r := received(t, "/x")
			r.TLS = &tls.ConnectionState{HandshakeComplete: complete}
			if got := sets.TooEarly(r); got != want {
				t.Errorf("%s, handshake complete %v: got %v, want %v", text, complete, got, want)
			}
		}
	}
}
