package matchers

import (
	"bufio"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// closedIn provisions matcher sets that are written in JSON.
func closedIn(t testing.TB, text string) Sets {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	var module struct {
		Raw caddyhttp.RawMatcherSets `caddy:"namespace=http.matchers"`
	}
	if err := json.Unmarshal([]byte(text), &module.Raw); err != nil {
		t.Fatal(err)
	}
	sets, err := Load(ctx, &module, "Raw", module.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

// received is a request as a server receives it, or nil if it takes no such
// target.
func received(t testing.TB, target string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: app.example.com\r\n\r\n")))
	if err != nil {
		return nil
	}
	r.RemoteAddr = "192.0.2.7:1234"
	return caddyhttp.PrepareRequest(r.WithContext(t.Context()), caddy.NewReplacer(), nil, new(caddyhttp.Server))
}

// receivedBy is a request by another method than GET.
func receivedBy(t testing.TB, method, target string) *http.Request {
	t.Helper()
	r := received(t, target)
	r.Method = method
	return caddyhttp.PrepareRequest(r.WithContext(t.Context()), caddy.NewReplacer(), nil, new(caddyhttp.Server))
}

// at is a request whose path is written in the plainest way.
func at(r *http.Request, path string) *http.Request {
	plain := r.WithContext(context.WithoutCancel(r.Context()))
	plain.URL = &url.URL{Path: path}
	plain.RequestURI = plain.URL.RequestURI()
	return caddyhttp.PrepareRequest(plain, caddy.NewReplacer(), nil, new(caddyhttp.Server))
}

// closedSites are sites that leave some paths open.
var closedSites = map[string]string{
	"path":        `[{"path": ["/admin", "/admin/*"]}]`,
	"two sets":    `[{"path": ["/admin/*"]}, {"path": ["/private/*"]}]`,
	"not":         `[{"not": [{"path": ["/public/*", "/healthz"]}]}]`,
	"path_regexp": `[{"path_regexp": {"pattern": "^/admin(/|$)"}}]`,
	"not regexp":  `[{"not": [{"path_regexp": {"pattern": "^/(public|healthz)"}}]}]`,
	"expression":  `[{"expression": "{http.request.uri.path}.startsWith('/admin') || {http.request.uri.path}.startsWith('/private')"}]`,
	"raw":         `[{"expression": "!{http.request.uri}.startsWith('/public/')"}]`,
	"with method": `[{"path": ["/admin/*"], "method": ["GET"]}]`,
}

// beginnings and pieces are what the paths of the test are made of.
var beginnings = []string{"/", "/public/", "/x", "/healthz"}

var pieces = []string{
	"/", "/", "/", "/", "admin", "admin", "public", "public", "private", "healthz", "x", "Admin", "a",
	"..", ".", "%2e", "%2E%2e", ";", ";a=1", "..;", "%3b", `\`, "%5c", "%5C", "%2f", "%2F", "%252f", "%252e", "%255c", "%25", "%2561dmin",
	"%00", "%0a", "%09", "%c0%af", "%c0%ae", "%e0%80%af", "%ef%bc%8f", "%ef%bc%8e", "%ef%bd%81dmin", "%20", "%3f", "%23", "#", "%61dmin", "%70ublic", "%7e",
	"%40", "(x)", "%28", "%c3%a9", "é", "::$DATA", "...", "a.",
}

// Applications read paths in more ways than Caddy's matchers do. If a matcher
// would say something else about the path that an application reads, the visitor
// needs to sign in.
func TestOpen_IsFalseIfAnApplicationReadsAClosedPath(t *testing.T) {
	t.Parallel()
	for name, text := range closedSites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Openness{Closed: closedIn(t, text)}
			random, open, differs := rand.New(rand.NewPCG(1, 2)), 0, 0 //nolint:gosec // the same paths each time
			for range 3_000 {
				var target strings.Builder
				target.WriteString(beginnings[random.IntN(len(beginnings))])
				for range 1 + random.IntN(7) {
					target.WriteString(pieces[random.IntN(len(pieces))])
				}
				readOpen, d := o.checkReaders(t, target.String())
				open, differs = open+readOpen, differs+d
			}
			if open == 0 || differs == 0 {
				t.Errorf("got %d open requests and %d that are read in two ways, want some of each", open, differs)
			}
		})
	}
}

// checkReaders fails the test if a target is open that some application reads
// as a closed one. It counts open targets, and targets that only applications
// read as closed.
func (o Openness) checkReaders(t *testing.T, target string) (open, differs int) {
	t.Helper()
	r := received(t, target)
	if r == nil {
		return 0, 0
	}
	isOpen, plain := o.IsOpen(r), !o.Closed.matched(r, 0)
	for reader, read := range readers {
		if closed := o.Closed.matched(at(r, read(target)), 0); closed && isOpen {
			t.Errorf("%s: got it open, want it closed, as %s reads it as %q", target, reader, read(target))
		} else if closed && plain {
			differs = 1
		}
	}
	if isOpen {
		open = 1
	}
	return open, differs
}

// The rows that were found at real applications.
func TestOpen_IsFalseForAmbiguousPaths(t *testing.T) {
	t.Parallel()
	for text, targets := range map[string][]string{
		closedSites["not"]: {
			"/public/..;/admin", "/public/..%5cadmin", "/public/%252e%252e/admin", "/public/..%00/admin", `/public/..\admin`,
			"/public/%2e%2e%2fadmin", "/public/..%c0%afadmin", "/public/..%ef%bc%8fadmin", "/public//../admin", "/healthz;x", "/healthz%00",
		},
		closedSites["path"]: {
			"/admin;a=1/x", "/admin%5cx", "/%2561dmin/x", `/x/..\admin`, "/admin%2fx", "/admin%00", "/admin.", "/admin%20/x", "/admin%3fx", "/admin#x", "/%ef%bd%81dmin/x",
		},
		closedSites["expression"]:                       {"//admin/x", "/./admin", "/x/../admin", "/x/%2e%2e/admin"},
		`[{"path": ["/admin%2f*"]}]`:                    {"/admin%2fx", "/admin%5cx"},
		`[{"query": {"action": ["edit"]}}]`:             {"/?action=edit&x=%zz", "/?action=edit;x", "/?x=1;action=edit", "/?act%69on=edit&", "/?%20action=edit", "/?action%00x=edit"},
		`[{"host": ["admin.example.com"]}]`:             {"http://admin.example.com./", "http://x@admin.example.com/"},
		`[{"not": [{"host": ["public.example.com"]}]}]`: {"http://public.example.com@admin.example.com/"},
	} {
		o := Openness{Closed: closedIn(t, text)}
		for _, target := range targets {
			if r := received(t, target); r != nil && o.IsOpen(r) {
				t.Errorf("%s: %s is open, want a sign-in", text, target)
			}
		}
	}
}

// A matcher that goes by something else than the address says the same whatever
// the address is.
func TestOpen_IgnoresAmbiguityOfPartsThatAreNotRead(t *testing.T) {
	t.Parallel()
	for text, targets := range map[string][]string{
		closedSites["not"]: {"/public/x", "/PUBLIC/x", "/public/a%20b", "/public/%40x", "/public/?a=1&a=2;c", "/public/(x)"},
		`[{"not": [{"remote_ip": {"ranges": ["192.0.2.0/24"]}}]}]`:                       {"/x", "/a;b//c%2fd?a=1;b", "/..;/x"},
		`[{"not": [{"remote_ip": {"ranges": ["192.0.2.0/24"]}}], "path": ["/admin/*"]}]`: {"/admin/x", "/a;b//c%2fd"},
		`[{"header": {"X-Closed": ["*"]}}]`:                                              {"/a;b"},
		`[{"query": {"action": ["edit"]}}]`:                                              {"/a;b?action=view", "/%2e?x=1"},
		`[{"host": ["admin.example.com"]}]`:                                              {"/a;b?x;y"},
		`[{"expression": "{http.request.uri.query}.contains('action=edit')"}]`:           {"/a?action=view"},
		`[{"header": {"X-Closed": ["{http.request.uri.query.x}"]}}]`:                     {"/a;b?x=1"},
	} {
		o := Openness{Closed: closedIn(t, text)}
		for _, target := range targets {
			if r := received(t, target); r == nil || !o.IsOpen(r) {
				t.Errorf("%s: %s needs a sign-in, want it open", text, target)
			}
		}
	}
}
