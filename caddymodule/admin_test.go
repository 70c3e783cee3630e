package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A fakeOperator answers what a test says.
type fakeOperator struct {
	list []proxy.Entry
	err  error
}

func (f fakeOperator) SessionsOf(context.Context, string) ([]proxy.Entry, error) {
	return f.list, f.err
}
func (f fakeOperator) Cached() []proxy.Entry                                 { return f.list }
func (f fakeOperator) EndAll(context.Context, string) ([]proxy.Entry, error) { return f.list, f.err }

func (f fakeOperator) EndOne(context.Context, string, string) (proxy.Entry, error) {
	if len(f.list) == 0 {
		return proxy.Entry{}, f.err
	}
	return f.list[0], f.err
}

func entry(id string, age time.Duration) proxy.Entry {
	return proxy.Entry{ID: id, User: "ada", Begun: time.Unix(1_000_000, 0).Add(-age)}
}

func TestAdmin_AsksAllGatesAsOne(t *testing.T) {
	t.Parallel()
	down := &proxy.Error{Status: http.StatusServiceUnavailable, Title: "Session store unavailable", Err: errors.New("cable cut")}
	one, two := fakeOperator{list: []proxy.Entry{entry("a", time.Hour), entry("b", 0)}}, fakeOperator{list: []proxy.Entry{entry("b", 0)}}
	noUser, noSession := fakeOperator{err: proxy.ErrNoUser}, fakeOperator{err: proxy.ErrNoSession}
	for name, tt := range map[string]struct {
		gates        []operator
		method, user string
		id           string
		want         string // ids, the newest first
		err          error
	}{
		"one store, listed once":            {[]operator{one, two}, "GET", "ada", "", "b a", nil},
		"what is remembered":                {[]operator{two, one}, "GET", "", "", "b a", nil},
		"one does not know the user":        {[]operator{noUser, one}, "GET", "ada", "", "b a", nil},
		"no gate knows the user":            {[]operator{noUser, noUser}, "GET", "ada", "", "", proxy.ErrNoUser},
		"known and without a session":       {[]operator{noUser, fakeOperator{}}, "GET", "ada", "", "", nil},
		"one fails":                         {[]operator{one, fakeOperator{err: down}}, "GET", "ada", "", "b a", down},
		"all of a user end":                 {[]operator{one, noUser}, "DELETE", "ada", "", "b a", nil},
		"one of them ends":                  {[]operator{noSession, one}, "DELETE", "ada", "a", "a", nil},
		"one ends without a user":           {[]operator{noSession, one}, "DELETE", "", "a", "a", nil},
		"no such session":                   {[]operator{noSession, noSession}, "DELETE", "", "x", "", proxy.ErrNoSession},
		"no user is named":                  {[]operator{one}, "DELETE", "", "", "", errWhose},
		"a list of one":                     {[]operator{one}, "GET", "", "a", "", errList},
		"another method":                    {[]operator{one}, "POST", "ada", "", "", errMethod},
		"a failure beside one who is known": {[]operator{fakeOperator{err: down}, noUser}, "DELETE", "ada", "", "", down},
	} {
		says, err := execute(t.Context(), tt.gates, tt.method, tt.user, tt.id)
		var ids []string
		for _, e := range says.Sessions {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if says, _ := execute(t.Context(), []operator{one}, "GET", "", ""); !says.Remembered || says.Ended {
		t.Error("a list of what is remembered does not say so")
	}
	if says, _ := execute(t.Context(), []operator{fakeOperator{}}, "GET", "ada", ""); says.Remembered || says.Sessions == nil {
		t.Error("got no list, want an empty one")
	}
}

func TestAdmin_RefusesUnknownParameters(t *testing.T) {
	t.Parallel()
	for target, wrong := range map[string]bool{
		"/authentik/sessions?user=ada": false, "/authentik/sessions": false, "/authentik/sessions/a?user=ada": false,
		"/authentik/sessions?usr=ada": true, "/authentik/sessions?user=": true, "/authentik/sessions?user": true,
		"/authentik/sessions?user=ada&user=bob": true, "/authentik/sessions?user=ada&all=1": true,
	} {
		if _, _, err := parameters(httptest.NewRequestWithContext(t.Context(), http.MethodDelete, target, nil)); (err != nil) != wrong {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestAdmin_ErrorsHaveAStatusAndARemedy(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct {
		status int
		text   string
	}{
		proxy.ErrNoUser:    {404, "write the name as authentik does"},
		proxy.ErrNoSession: {404, "list those of a user"},
		errNoGate:          {404, "write the directive authentik"},
		errWhose:           {400, "?user="},
		errMethod:          {405, "DELETE"},
		&proxy.Error{Status: 503, Title: "Session store unavailable", Err: errors.New("cable cut")}: {503, "cable cut"},
	} {
		got, is := apiError(err).(caddy.APIError) //nolint:errorlint // as Caddy asks
		if !is || got.HTTPStatus != want.status || !strings.Contains(got.Error(), want.text) {
			t.Errorf("%v: %+v", err, got)
		}
	}
}

// A terminal runs the command against the Caddy of a test.
type terminal struct {
	*site
	api string
}

func newTerminal(t *testing.T, text string) terminal {
	t.Helper()
	o := terminal{newSite(t), processtest.Free(t)}
	if err := o.try("admin "+o.api, text); err != nil {
		t.Fatal(err)
	}
	return o
}

// run returns what is written, how the command ends, and why.
func (o terminal) run(args ...string) (out string, code int, err error) {
	o.Helper()
	var written bytes.Buffer
	root := sessionsCommand()
	root.SetOut(&written)
	root.SetErr(io.Discard)
	c, rest, err := root.Find(args)
	if err != nil {
		o.Fatal(err)
	}
	if err := c.ParseFlags(append(rest, "--address", o.api)); err != nil {
		o.Fatal(err)
	}
	do := map[string]func(*cobra.Command, caddycmd.Flags) (int, error){"list": listSessions, "end": endSessions}[c.Name()]
	code, err = do(c, caddycmd.Flags{FlagSet: c.Flags()})
	return written.String(), code, err
}

func (o terminal) list(args ...string) sessionList {
	o.Helper()
	out, code, err := o.run(append([]string{"list", "--json"}, args...)...)
	if err != nil || code != 0 {
		o.Fatalf("%d, %v", code, err)
	}
	var says sessionList
	if err := json.Unmarshal([]byte(out), &says); err != nil {
		o.Fatal(err)
	}
	return says
}

const twoSites = `SITE {
	authentik AUTHENTIK
	reverse_proxy APP
}
http://other.example.com:PORT {
	authentik AUTHENTIK {
		cookie {
			name other
		}
	}
}
`

func TestCommand_ListsAndEndsSessions(t *testing.T) {
	o := newTerminal(t, twoSites)
	ada, again, bob := o.browser(), o.browser(), o.browser()
	for b, name := range map[*browser]string{ada: "ada", again: "ada", bob: "bob"} {
		b.expect(b.follow(b.signIn("/", name)), http.StatusOK, "application, user")
	}
	says := o.list("--user", "ada")
	if len(says.Sessions) != 2 || says.Remembered || says.Sessions[0].Site != "127.0.0.1" || !says.Sessions[0].Address.IsLoopback() {
		t.Fatalf("%+v", says)
	}
	if says := o.list(); len(says.Sessions) != 3 || !says.Remembered {
		t.Errorf("all that are remembered are %+v", says)
	}
	out, _, err := o.run("list", "--user", "ada")
	if err != nil || !strings.Contains(out, says.Sessions[0].ID) || !strings.HasPrefix(out, "ID ") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, code, err := o.run("end", says.Sessions[1].ID, "--user", "ada"); code != 0 || err != nil || !strings.Contains(out, "Ended "+says.Sessions[1].ID+" of ada") {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	if left := o.list("--user", "ada").Sessions; len(left) != 1 || left[0].ID != says.Sessions[0].ID {
		t.Errorf("left are %v", left)
	}
	if out, code, err := o.run("end", "--user", "ada"); code != 0 || err != nil || !strings.Contains(out, says.Sessions[0].ID) {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	for _, b := range []*browser{ada, again} {
		b.expect(b.get("/"), http.StatusSeeOther, "")
	}
	bob.expect(bob.get("/"), http.StatusOK, `user "bob"`)
	if out, code, err := o.run("end", "--user", "ada"); code != 0 || err != nil || out != "There was no live session.\n" {
		t.Errorf("the second time: %d, %v: %s", code, err, out)
	}
	if out, code, err := o.run("end", o.list().Sessions[0].ID); code != 0 || err != nil || !strings.Contains(out, "of bob") {
		t.Errorf("without a user: %d, %v: %s", code, err, out)
	}
	bob.expect(bob.get("/"), http.StatusSeeOther, "")
}

func TestCommand_SaysWhatIsWrong(t *testing.T) {
	o := newTerminal(t, oneLine)
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"list --user stranger": {exitNotFound, "write the name as authentik does"},
		"end --user stranger":  {exitNotFound, "write the name as authentik does"},
		"end 0123456789ab":     {exitNotFound, "list those of a user"},
		"end":                  {1, "--user <name> for all of a user"},
		"end x/../y --user b/": {exitNotFound, "list those of a user"},
	} {
		if out, code, err := o.run(strings.Fields(args)...); code != want.code || err == nil || !strings.Contains(err.Error(), want.text) || out != "" {
			t.Errorf("%s: %d, %v: %s", args, code, err, out)
		}
	}
	if err := o.try("admin "+o.api, "SITE {\n\trespond ok\n}\n"); err != nil {
		t.Fatal(err)
	}
	if _, code, err := o.run("list"); code != 1 || err == nil || !strings.Contains(err.Error(), "no gate runs") {
		t.Errorf("without a gate: %d, %v", code, err)
	}
	o.load(oneLine)                                              // with admin off
	testsite.Eventually(t, "that there is no API", func() bool { // Caddy stops the old one in the background
		_, code, err := o.run("list")
		return code == 1 && err != nil && strings.Contains(err.Error(), "admin off") && strings.Contains(err.Error(), "--address")
	})
	o.api = o.address // what answers there is a site
	if _, code, err := o.run("list"); code != 1 || err == nil {
		t.Errorf("at a site: %d, %v", code, err)
	}
}

// TestAdmin_ShowsNoSecret holds what it says against everything in a browser and a store.
func TestAdmin_ShowsNoSecret(t *testing.T) {
	o := newTerminal(t, oneLine)
	b := o.browser()
	b.signIn("/", "ada")
	b.get("/")
	for _, query := range []string{"", "?user=ada"} {
		res, err := http.Get("http://" + o.api + sessionsPath + query) //nolint:noctx // of this test
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(body), `"user":"ada"`) || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%v: %s", err, body)
		}
		for _, word := range []string{"session-", "end-", "roll-", "epoch", "cookie", "authentik_session", "ada@example.com", "Lovelace"} {
			if strings.Contains(string(body), word) {
				t.Errorf("%s is in %s", word, body)
			}
		}
	}
	b.expect(o.browser().get(sessionsPath), http.StatusSeeOther, "") // a page of the application, for who is signed in
}

// TestAdmin_IsNotForBrowsers leaves it to Caddy who may ask, and sees that it does.
func TestAdmin_IsNotForBrowsers(t *testing.T) {
	o := newTerminal(t, oneLine)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "http://"+o.api+sessionsPath+"?user=ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a rebound name may end sessions: %d", res.StatusCode)
	}
}

func TestTable_IsSafeForATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	nasty := proxy.Entry{ID: "a", User: "\x1b[2Jada\n\u202e", Agent: strings.Repeat("ü", 100)}
	if err := writeTable(&out, []proxy.Entry{nasty}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\u202e") || strings.Count(text, "\n") != 2 || strings.Count(text, "ü") != maxCell-1 {
		t.Errorf("%q", text)
	}
}

func TestCommand_IsInEveryCaddy(t *testing.T) {
	t.Parallel()
	parent := &cobra.Command{}
	addCommands(parent)
	names := []string{}
	for _, c := range parent.Commands() {
		names = append(names, c.Name())
	}
	if !slices.Contains(names, "sessions") {
		t.Errorf("there are %v", names)
	}
	if _, there := caddycmd.Commands()["authentik"]; !there {
		t.Error("it is not registered")
	}
}
