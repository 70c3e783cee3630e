package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// signOutFlow is authentik's own page to sign out.
const signOutFlow = authHost + "/if/flow/default-invalidation-flow/"

// followed has the login host follow each change of a session before the browser
// gets the answer.
func (d *domains) followed() {
	d.gates[authHost].loginHost.Go = func(work func(context.Context)) bool {
		work(d.Context())
		return true
	}
}

// atBoth signs jane in at both applications.
func (d *domains) atBoth() *guest {
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	return jane
}

// are fails the test unless a browser is known as a user at both applications.
func (g *guest) are(name string) {
	g.Helper()
	for _, origin := range []string{wikiHost, filesHost} {
		if got := g.signedInAs(origin); got != name {
			g.Errorf("got signed in as %q at %s, want %q", got, origin, name)
		}
	}
}

// ended waits until a browser is signed in at neither application: the gates hear of
// it by the store.
func (g *guest) ended() {
	g.Helper()
	for _, origin := range []string{wikiHost, filesHost} {
		testsite.Eventually(g, "the end of the session at "+origin, func() bool { return g.signedInAs(origin) == "" })
	}
}

// A sign-out on authentik's own pages ends all sessions that rest on it, before any
// recheck, and no other.
func TestPassing_SignOutAtAuthentikEndsAll(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	other := d.atBoth()
	d.followed()
	jane := d.atBoth()
	page := jane.open(signOutFlow)
	jane.are("jane") // the page by itself ends nothing
	if c := jane.challenge(page, nil); c["component"] != "xak-flow-redirect" {
		t.Fatalf("got %v at the end of the sign-out", c)
	}
	jane.ended()
	other.are("jane")
}

// A user who signs in anew gets a new session at authentik, as after a change of
// the password. What rests on the old one moves.
func TestPassing_NewSessionOfTheSameUserEndsNothing(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	d.followed()
	jane := d.atBoth()
	before, _ := jane.Cookies(authHost)
	jane.finish(jane.open(authHost+"/if/flow/login/"), "jane", "open sesame")
	if after, _ := jane.Cookies(authHost); before["authentik_session"] == after["authentik_session"] {
		t.Fatal("got the same session at authentik, want another one")
	}
	jane.are("jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.are("jane")
}

// Another user who signs in in the same browser ends the sessions of the one before.
func TestPassing_AnotherUserEndsAll(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	d.followed()
	jane := d.atBoth()
	jane.finish(jane.open(authHost+"/if/flow/login/"), "joe", "let me in")
	jane.ended()
}

// Nothing that a browser sends ends a session: only what authentik answers, and
// only if authentik then knows the user no more.
func TestPassing_RequestsEndNothing(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	d.followed()
	jane := d.atBoth()
	cookies, _ := jane.Cookies(authHost)
	mine := "authentik_session=" + cookies["authentik_session"]
	for _, path := range []string{
		"/if/flow/default-invalidation-flow/", "/flows/-/default/invalidation/", "/api/v3/flows/executor/logout/?query=",
		"/api/v3/core/users/me/?authentik_session=", "/-/logout",
	} {
		jane.raw(authHost+path, "Cookie", "authentik_session=x")
		jane.are("jane")
	}

	// A request with another user's cookies, whose session has ended: authentik
	// deletes the cookie in its answer.
	joe := d.atAuthentik("joe", "let me in")
	theirs, _ := joe.Cookies(authHost)
	d.authentik.EndSessions("joe")
	res := d.withCookies(authHost+"/api/v3/core/users/me/", strings.Replace(jane.header(authHost), mine, "authentik_session="+theirs["authentik_session"], 1))
	if res.Header.Get("Set-Cookie") == "" {
		t.Fatal("got no change of a cookie in the answer, want one")
	}
	jane.are("jane")
}

// header is what a browser sends to a site as its cookies.
func (g *guest) header(origin string) string {
	cookies, err := g.Cookies(origin)
	if err != nil {
		g.Fatal(err)
	}
	var all []string
	for name, value := range cookies {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

// withCookies sends a request with these cookies and no others.
func (d *domains) withCookies(address, cookies string) *http.Response {
	return d.guest().raw(address, "Cookie", cookies)
}

// While authentik is away, nothing ends.
func TestPassing_AuthentikThatIsAwayEndsNothing(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atBoth()
	d.gates[authHost].loginHost.Go = func(work func(context.Context)) bool {
		d.front.away.Store(true)
		defer d.front.away.Store(false)
		work(t.Context())
		return true
	}
	jane.challenge(jane.open(signOutFlow), nil)
	jane.are("jane")
	if !strings.Contains(d.logged(), "could not be followed") {
		t.Errorf("got nothing about it in the log:\n%s", d.logged())
	}
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.ended()
}

// Two answers to one browser can pass each other: that without the old session, and
// that with its successor.
func TestPassing_SuccessorThatComesLateIsWaitedFor(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	d.followed()
	jane := d.atBoth()
	login := d.gates[authHost].loginHost
	copied, found := seal.ParseSecret(jane.copied())
	if !found {
		t.Fatal("got no secret of a copy, want one")
	}
	records := host.Records{Store: d.store, Key: login.Key, Now: d.clock.now, Origin: authHost}
	kept, _, err := records.Copy(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	before := jane.header(authHost)
	anew := d.atAuthentik("jane", "open sesame") // the next session of the same user
	next, _ := anew.Cookies(authHost)
	var ended atomic.Bool
	inner := d.front.Handler
	d.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/users/me/") && ended.Load() { // asked about the old one
			ended.Store(false)
			moved := kept
			moved.Cookies = map[string]string{"authentik_session": next["authentik_session"]}
			if err := records.Move(d.Context(), copied, moved); err != nil {
				t.Error(err)
			}
		}
		inner.ServeHTTP(w, r)
	})
	sid, _ := kept.Cookies.Session()
	if !d.authentik.EndSession(sid) {
		t.Fatal("got no session to end at authentik")
	}
	ended.Store(true)
	d.withCookies(authHost+"/if/user/", before)
	d.withCookies(authHost+"/api/v3/root/config/", before)
	jane.are("jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.are("jane")
}

// copied is the secret of the copy that a browser's sessions rest on.
func (g *guest) copied() string {
	g.Helper()
	cookies, _ := g.Cookies(authHost)
	for name, value := range cookies {
		if strings.HasSuffix(name, "_copy") {
			return value
		}
	}
	g.Fatal("got no cookie of a copy, want one")
	return ""
}

// The writer of an answer goes to what is behind the login host as it is, so that
// streams and WebSockets are as without the gate.
func TestPassing_WriterIsNotWrapped(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atBoth()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, authHost+"/ws/client/", nil)
	r.Header.Set("Cookie", jane.header(authHost))
	reached := false
	err := d.gates[authHost].Guard(w, r, func(got http.ResponseWriter, _ *http.Request) error {
		reached = true
		if got != http.ResponseWriter(w) {
			t.Errorf("got a writer of type %T, want the server's own", got)
		}
		return nil
	})
	if err != nil || !reached {
		t.Fatalf("got %v, reached %t, want the request to pass", err, reached)
	}
}

// BenchmarkPassing measures a request through a login host: of a browser without
// the gate's cookie, of one with sessions at other sites, and of one whose answer
// sets one of authentik's cookies to what it is.
func BenchmarkPassing(b *testing.B) {
	d := newDomains(b, nil)
	jane := d.atBoth()
	g := d.gates[authHost]
	cookies, _ := jane.Cookies(authHost)
	for name, c := range map[string]struct{ cookies, sets string }{
		"anonymous":   {"authentik_session=x", ""},
		"known":       {jane.header(authHost), ""},
		"same cookie": {jane.header(authHost), "authentik_session=" + cookies["authentik_session"] + "; HttpOnly; Path=/"},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, authHost+"/if/user/", nil)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.Header = http.Header{"Cookie": {c.cookies}}
				_ = g.Guard(w, r, func(w http.ResponseWriter, _ *http.Request) error {
					if c.sets != "" {
						w.Header()["Set-Cookie"] = []string{c.sets}
					}
					return nil
				})
			}
		})
	}
}
