package proxy

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// press submits the form of a page that has a button.
func (g *guest) press(page *browser.Page, button string) *browser.Page {
	g.Helper()
	next, err := page.Submit(g.Context(), nil, button)
	if err != nil {
		g.Fatal(err)
	}
	return next
}

// follow opens the link of a page with a text.
func (g *guest) follow(page *browser.Page, link string) *browser.Page {
	g.Helper()
	next, err := page.Follow(g.Context(), link)
	if err != nil {
		g.Fatal(err)
	}
	return next
}

// Signing out at one site ends authentik's session, and all that rest on it, at once
// in every gate.
func TestLoginHost_SignOutAnywhereEndsAll(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]string{"at an application": wikiHost, "at the login host": authHost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, nil)
			jane, other := d.guest(), d.guest()
			other.signsIn(filesHost+"/", "jane", "open sesame")
			jane.signsIn(wikiHost+"/", "jane", "open sesame")
			jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
			page := jane.press(jane.open(out+"/.authentik/logout"), "Sign out")
			if page.Status != http.StatusOK || page.URL.Query().Get("ended") != "all" {
				t.Fatalf("got status %d at %s, want the page that says that all has ended:\n%s", page.Status, page.URL, page.Text())
			}
			for _, origin := range []string{wikiHost, filesHost} {
				testsite.Eventually(t, "the end of the session at "+origin, func() bool { return jane.signedInAs(origin) == "" })
			}
			jane.asked(jane.open(filesHost + "/"))
			if got := other.signedInAs(filesHost); got != "jane" {
				t.Errorf("got the session of another browser ended, want it to go on")
			}
			jane.signsIn(wikiHost+"/", "jane", "open sesame")
		})
	}
}

// A session ends at its recheck once authentik's own has ended, and takes those
// with it that rest on the same one.
func TestLoginHost_RechecksFollowAuthentik(t *testing.T) {
	t.Parallel()
	d := newDomains(t, func(origin string, cfg *Config) {
		if origin == filesHost {
			cfg.Recheck = 10 * time.Hour // so that another site learns of the end first
		}
	})
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	d.clock.move(6 * time.Minute)
	jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane")
	d.authentik.EndSessions("jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.isSignedOut(wikiHost)
	testsite.Eventually(t, "the end of the session at the other domain", func() bool { return jane.signedInAs(filesHost) == "" })
}

// A user who signs in anew in the same browser keeps the sessions at other sites,
// which rest on the new session of authentik from then on.
func TestLoginHost_SessionsMoveToTheNewSession(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.anew()
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	if got := jane.signedInAs(wikiHost); got != "jane" {
		t.Errorf("got signed in as %q after a recheck, want jane still", got)
	}
}

// A sign-out also ends the sessions that began on an older session of authentik's
// in the same browser, before their next recheck.
func TestLoginHost_SignOutEndsWhatBeganBefore(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]string{"at an application": filesHost, "at the login host": authHost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, nil)
			jane := d.guest()
			jane.signsIn(wikiHost+"/", "jane", "open sesame")
			jane.anew()
			jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
			if got := jane.signedInAs(wikiHost); got != "jane" {
				t.Fatalf("got signed in as %q before the sign-out, want jane still", got)
			}
			jane.press(jane.open(out+"/.authentik/logout"), "Sign out")
			testsite.Eventually(t, "the end of the session at the other domain", func() bool { return jane.signedInAs(wikiHost) == "" })
		})
	}
}

// A user whose session at authentik is replaced in the middle of a recheck
// stays signed in: what authentik answers to an ended session does not count.
func TestLoginHost_RecheckThatIsOvertakenBeginsAgain(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	cookies, _ := jane.Cookies(authHost)
	secret, _ := seal.ParseSecret(cookies["__Host-authentik_copy"])
	records := d.gates[wikiHost].member.SignIn.Host.Records
	kept, _, err := records.Copy(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	d.clock.move(11 * time.Minute)
	d.renew()
	var once sync.Once
	inner := d.front.Handler
	d.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/check_access/") {
			once.Do(func() {
				d.authentik.EndSessions("jane")
				kept.Cookies, _ = d.atAuthentik("jane", "open sesame").Cookies(authHost)
				if err := records.Move(t.Context(), secret, kept); err != nil {
					t.Error(err)
				}
			})
		}
		inner.ServeHTTP(w, r)
	})
	if got := jane.signedInAs(wikiHost); got != "jane" {
		t.Errorf("got signed in as %q, want jane still", got)
	}
}

// anew signs a user in once more, who gets another session at authentik.
func (g *guest) anew() {
	g.Helper()
	before, _ := g.Cookies(authHost)
	g.finish(g.open(authHost+"/if/flow/login/"), "jane", "open sesame")
	if after, _ := g.Cookies(authHost); before["authentik_session"] == after["authentik_session"] {
		g.Fatal("got the same session at authentik, want another one")
	}
}

// authentik is told at rechecks where the visitor is now.
func TestLoginHost_RechecksTellTheLastAddress(t *testing.T) {
	t.Parallel()
	d := newDomains(t, func(_ string, cfg *Config) {
		cfg.Resolve = func(r *http.Request) Resolved {
			at := resolveConnection(r)
			if said := r.Header.Get("X-Test-Address"); said != "" {
				at.Client = netip.MustParseAddr(said)
			}
			return at
		}
	})
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.raw(wikiHost+"/", "X-Test-Address", "203.0.113.9")
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.raw(wikiHost+"/", "X-Test-Address", "203.0.113.9")
	if got := d.from.Load(); got == nil || !strings.Contains(*got, "203.0.113.9") {
		t.Errorf("got the address %v told to authentik, want that of the last request", got)
	}
}

// A visitor who comes back from authentik without a session is sent there once
// more, and then told so.
func TestLoginHost_DoesNotLoop(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	page := jane.open(wikiHost + "/")
	jane.asked(page)
	page = jane.open(authHost + page.URL.Query().Get("next"))
	jane.asked(page)
	page = jane.open(authHost + page.URL.Query().Get("next"))
	jane.refused(page, "denied-by-flow")
	jane.asked(jane.follow(page, "Try again"))
}

// A user who may not use an application is told so at the login host, and can
// switch the account there.
func TestLoginHost_RefusesWhomAuthentikRefuses(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	joe := d.guest()
	page := joe.finish(joe.open(wikiHost+"/d"), "joe", "let me in")
	if page.Status != http.StatusForbidden || page.URL.Host != "auth.example.com" || !strings.Contains(page.Text(), "joe") {
		t.Fatalf("got status %d at %s, want joe refused at the login host:\n%s", page.Status, page.URL, page.Text())
	}
	if strings.Contains(d.logged(), "ticket") {
		t.Errorf("got a ticket for a user who may not pass, want none; log:\n%s", d.logged())
	}
	joe.isSignedOut(wikiHost)
	page = joe.press(page, "Use another account")
	joe.greeted(joe.finish(page, "jane", "open sesame"), wikiHost+"/d", "jane")
}

// Ten tabs that were restored at once each end at their own address.
func TestLoginHost_TabsEndAtTheirOwnAddress(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	tickets := map[string]string{}
	for _, path := range []string{"/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10"} {
		tickets[path] = jane.led(wikiHost+path, callback)
	}
	for path, ticket := range tickets {
		jane.greeted(jane.open(ticket), wikiHost+path, "jane")
		jane.greeted(jane.open(ticket), wikiHost+path, "jane") // reloaded
	}
}

// Tabs that a browser restores all at once, and that has forgotten its cookies, each
// get a cookie at the login host, of which the last one stays. The sign-in in any of
// them opens all.
func TestLoginHost_RestoredTabsEndAtTheirOwnAddress(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	all := []string{wikiHost + "/1", filesHost + "/2", wikiHost + "/3"}
	asked := make([]*browser.Page, len(all))
	for i, address := range all {
		jane.DropCookies() // as for a request that left before the other answers came
		asked[i] = jane.open(address)
		jane.asked(asked[i])
	}
	for i, address := range all {
		jane.greeted(jane.finish(asked[i], "jane", "open sesame"), address, "jane")
	}
}

// A restart in the middle of a sign-in changes nothing.
func TestLoginHost_SurvivesARestart(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	page := jane.open(wikiHost + "/r")
	d.restart()
	jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/r", "jane")
	d.restart()
	jane.greeted(jane.open(wikiHost+"/r"), wikiHost+"/r", "jane")
	jane.greeted(jane.open(filesHost+"/r"), filesHost+"/r", "jane")
}

// If authentik is unreachable, or another server answers at its address, no
// user is signed out, and the page says why the sign-in fails.
func TestLoginHost_OutageIsReported(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	link := jane.led(wikiHost+"/", request)
	d.front.away.Store(true)
	page := jane.open(link)
	jane.refused(page, "authentik-")
	d.front.away.Store(false)
	jane.greeted(jane.follow(page, "Try again"), wikiHost+"/", "jane")
}

// The redirects with a ticket are neither kept nor told to other sites.
func TestLoginHost_TicketIsNotKept(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	link := jane.led(wikiHost+"/", request)
	ticket := jane.led(wikiHost+"/", callback)
	for _, address := range []string{wikiHost + "/.authentik/login?to=%2F", link, ticket} {
		h := jane.raw(address).Header
		if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: got Cache-Control %q and Referrer-Policy %q, want no-store and no-referrer", address, h.Get("Cache-Control"), h.Get("Referrer-Policy"))
		}
	}
	at, _ := url.Parse(ticket)
	if strings.Contains(d.logged(), at.Query().Get("ticket")) {
		t.Errorf("got the ticket in the log:\n%s", d.logged())
	}
}

// A visitor who is at authentik while their site is configured anew arrives there,
// although the gate that has sent them is known no longer.
func TestLoginHost_VisitGoesOnAtAnotherConfiguration(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	page := jane.open(wikiHost + "/b")
	d.change = func(origin string, cfg *Config) {
		if origin == wikiHost {
			cfg.Lifetime = time.Hour
		}
	}
	d.restart()
	d.clock.move(4 * time.Minute)
	d.renew()
	jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/b", "jane")
}

// The copy of authentik's cookies lasts as long as a session that begins with the
// last moment of a ticket, so that a sign-out reaches that to its end.
func TestLoginHost_CopyOutlastsItsSessions(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	ticket := jane.led(wikiHost+"/", callback)
	d.clock.move(29 * time.Second)
	jane.greeted(jane.open(ticket), wikiHost+"/", "jane")
	g := d.gates[wikiHost]
	cookies, _ := jane.Cookies(authHost)
	secret, _ := seal.ParseSecret(cookies["__Host-authentik_copy"])
	kept, found, err := g.member.SignIn.Host.Copy(t.Context(), secret)
	if want := d.clock.now().Add(g.cfg.Lifetime); err != nil || !found || kept.Until.Before(want) {
		t.Errorf("got a copy until %v (found %v, %v), want it until %v at least", kept.Until, found, err, want)
	}
}

// hasCopy reports whether a copy of the browser's cookies of authentik is kept.
func (g *guest) hasCopy() bool {
	g.Helper()
	secret, ok := seal.ParseSecret(g.copied())
	if !ok {
		g.Fatal("got a browser without the secret of a copy, want one that sites rest on")
	}
	_, found, err := g.gates[wikiHost].member.SignIn.Host.Copy(g.Context(), secret)
	if err != nil {
		g.Fatal(err)
	}
	return found
}

// The copy of authentik's cookies goes with the last session that rests on it, and not
// before. That of another browser stays, and so does authentik's own session.
func TestLoginHost_CopyEndsWithItsLastSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*domains, *guest) error{
		"an operator ends each": func(d *domains, _ *guest) error {
			for _, one := range d.listed("jane") {
				if _, err := d.gates[filesHost].Operator().EndOne(d.Context(), "jane", one.ID); err != nil {
					return err
				}
			}
			return nil
		},
		"an operator ends all": func(d *domains, _ *guest) error {
			_, err := d.gates[wikiHost].Operator().EndAll(d.Context(), "jane")
			return err
		},
		"authentik ends its session": func(d *domains, jane *guest) error {
			return d.gates[authHost].sessions.EndedAtAuthentik(d.Context(), jane.sid())
		},
		"authentik ends all": func(d *domains, _ *guest) error {
			_, err := d.gates[wikiHost].sessions.EndedUser(d.Context(), d.uid("jane"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, nil)
			joe, jane := d.guest(), d.guest()
			joe.signsIn(filesHost+"/", "joe", "let me in")
			jane.signsIn(wikiHost+"/", "jane", "open sesame")
			jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
			all := d.listed("jane")
			if len(all) != 2 {
				t.Fatalf("got %d sessions of jane, want 2", len(all))
			}
			if _, err := d.gates[wikiHost].Operator().EndOne(t.Context(), "jane", all[0].ID); err != nil || !jane.hasCopy() {
				t.Fatalf("got the copy deleted with the first of two sessions (%v), want it to stay", err)
			}
			if err := end(d, jane); err != nil || jane.hasCopy() {
				t.Errorf("got a copy on which no session rests (%v), want it deleted", err)
			}
			if _, all, err := d.gates[wikiHost].sessions.Index.List(t.Context(), d.uid("jane")); err != nil || len(all) > 0 {
				t.Errorf("got %v, %v listed, want nothing", all, err)
			}
			if !joe.hasCopy() {
				t.Error("got the copy of another browser deleted, want it to stay")
			}
			testsite.Eventually(t, "the end of the session at the wiki", func() bool { return jane.signedInAs(wikiHost) == "" })
			jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane")
			if !jane.hasCopy() {
				t.Error("got no copy after another sign-in, want one")
			}
		})
	}
}

// A late notice about a session of authentik that the user has replaced in the same
// browser ends what rests on that session, and not the copy that others rest on.
func TestLoginHost_CopyStaysForTheNewerSession(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	before := jane.sid()
	jane.anew()
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	if err := d.gates[authHost].sessions.EndedAtAuthentik(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	testsite.Eventually(t, "the end of the older session", func() bool { return jane.signedInAs(wikiHost) == "" })
	if !jane.hasCopy() {
		t.Error("got the copy deleted, want it to stay for the newer session")
	}
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
}

// sid identifies the browser's session at authentik.
func (g *guest) sid() string {
	g.Helper()
	cookies, _ := g.Cookies(authHost)
	sid, ok := flowclient.Cookies(cookies).Session()
	if !ok {
		g.Fatal("got no session at authentik, want one")
	}
	return sid
}

// listed returns the sessions of a user.
func (d *domains) listed(name string) []Entry {
	d.Helper()
	all, err := d.gates[wikiHost].Operator().SessionsOf(d.Context(), name)
	if err != nil {
		d.Fatal(err)
	}
	return all
}

// uid returns authentik's identifier of a user who has signed in.
func (d *domains) uid(name string) string {
	d.Helper()
	all, err := d.gates[wikiHost].sessions.Index.UIDs(d.Context(), name)
	if err != nil || len(all) != 1 {
		d.Fatalf("got %v, %v, want one user of the name %s", all, err, name)
	}
	return all[0]
}

// A ticket whose copy of authentik's cookies was deleted on its way, with the last
// session before, begins no session that the next recheck would end: the browser goes
// to the login host once more.
func TestLoginHost_TicketOutlivesTheCopyItRestsOn(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	ticket := jane.led(filesHost+"/a", callback)
	if _, err := d.gates[wikiHost].Operator().EndOne(t.Context(), "jane", d.listed("jane")[0].ID); err != nil || jane.hasCopy() {
		t.Fatalf("got a copy on which no session rests (%v), want it deleted", err)
	}
	jane.greeted(jane.open(ticket), filesHost+"/a", "jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	if got := jane.signedInAs(filesHost); got != "jane" {
		t.Errorf("got signed in as %q after a recheck, want jane", got)
	}
}

// A sign-out also ends a ticket that is on its way, to the first site or to another one.
// The browser goes to the login host once more, where authentik asks who the visitor is.
func TestLoginHost_SignOutEndsTicketsOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ first, out string }{
		"at an application":         {wikiHost, wikiHost},
		"at the login host":         {wikiHost, authHost},
		"at the login host, before": {"", authHost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, nil)
			jane := d.atAuthentik("jane", "open sesame")
			if tt.first != "" {
				jane.open(tt.first + "/")
			}
			ticket := jane.led(filesHost+"/a", callback)
			jane.press(jane.open(tt.out+"/.authentik/logout"), "Sign out")
			var set []string
			jane.watch = func(res *http.Response) { set = append(set, res.Header["Set-Cookie"]...) }
			page := jane.open(ticket)
			jane.asked(page)
			if got := strings.Join(set, "; "); strings.Contains(got, "authentik_gate") {
				t.Errorf("got a session of a user who has signed out: %s", got)
			}
			jane.greeted(jane.finish(page, "jane", "open sesame"), filesHost+"/a", "jane")
		})
	}
}

// A sign-out at the login host says what has ended. If the store fails nothing has, and
// the browser can try again; if authentik fails, only what rests on its session has.
func TestLoginHost_SignOutThatFailsIsTold(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	d := newDomains(t, func(origin string, cfg *Config) {
		memory, _ := cfg.Store.(*Memory)
		if origin == authHost {
			cfg.Store = &brokenStore{Memory: memory, fails: func(int64, string) error {
				if away.Load() {
					return errors.New("the store is away")
				}
				return nil
			}}
		}
	})
	jane := d.atBoth()
	page := jane.open(authHost + "/.authentik/logout")
	before, _ := jane.Cookies(authHost)
	away.Store(true)
	jane.refused(jane.press(page, "Sign out"), "sessions-unavailable")
	if after, _ := jane.Cookies(authHost); !maps.Equal(before, after) {
		t.Errorf("got the cookies %v after a sign-out that has failed, want %v", after, before)
	}
	away.Store(false)
	jane.are("jane")
	d.front.away.Store(true)
	if got := jane.press(page, "Sign out").URL.Query().Get("ended"); got != "here" {
		t.Errorf("got ended=%s while authentik is away, want here", got)
	}
	jane.ended()
}

// A browser that does not keep the cookie of its visit at the site is sent to the login
// host once more, and then told so.
func TestLoginHost_BrowserWithoutCookiesIsNotSentToAndFro(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	to := wikiHost + "/.authentik/login?to=/x"
	for range 5 {
		res := jane.raw(to) // keeps no cookie
		if to = res.Header.Get("Location"); to != "" {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "visit-lost") {
			t.Errorf("got %d, %v, want 400 and visit-lost:\n%s", res.StatusCode, err, body)
		}
		return
	}
	t.Errorf("got led on to %s after five redirects, want a page", to)
}

// A sign-out at a login host that knows itself by another address than the sites, such
// as one without a port, takes their sessions off the user's list too.
func TestLoginHost_SignOutKnowsTheSitesByTheirAddress(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	inner, _ := url.Parse(d.inner)
	public, _ := url.Parse(authHost + ":8443")
	other, err := flowclient.New(flowclient.Config{URL: inner, PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	d.change = func(origin string, cfg *Config) {
		if origin == authHost {
			cfg.Client = other
		}
	}
	d.restart()
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	jane.press(jane.open(authHost+"/.authentik/logout"), "Sign out")
	if got := d.listed("jane"); len(got) > 0 {
		t.Errorf("got the sessions %v listed after the sign-out, want none", got)
	}
}

// The last session of a copy that signs out ends authentik's session as well, for
// which the copy is needed.
func TestLoginHost_LastSessionSignsOutAtAuthentik(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.press(jane.open(wikiHost+"/.authentik/logout"), "Sign out")
	if jane.hasCopy() {
		t.Error("got a copy after the sign-out, want none")
	}
	jane.asked(jane.open(wikiHost + "/"))
}

// The copy goes a minute after its last session has expired at the latest, also if no
// request comes: until its own expiry it would be of use to no one but a thief.
func TestLoginHost_CopyEndsWhenItsLastSessionExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(c *Config) { c.Lifetime = 20 * time.Minute })
		const name = "copy-0"
		if _, err := s.store.Save(t.Context(), name, Record{Value: []byte("sealed"), Expiry: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		begin := func() {
			now := time.Now()
			rec := session.Record{User: jane, Begun: now, Until: now.Add(20 * time.Minute), Rest: seal.NewSecret().Cookie(), RestName: name, SID: "sid"}
			if _, _, err := startSession(t.Context(), s.Gate, rec, somewhere("app.example.com")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait() // the store is watched
		begin()
		time.Sleep(10 * time.Minute)
		begin()
		kept := func() bool {
			_, found, err := s.store.Load(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		time.Sleep(19 * time.Minute)
		if !kept() {
			t.Error("got the copy deleted with the first of two sessions, want it to stay")
		}
		time.Sleep(3 * time.Minute)
		if kept() {
			t.Error("got the copy after the end of both sessions, want it deleted")
		}
	})
}

// A login host of the same process is known to the first visitor, without a wait and
// without a record that its start would leave.
func TestLoginHost_OfTheProcessIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		family, kept := new(Family), newStore(t)
		auth, _ := url.Parse(authHost)
		gate := func(name string, change func(*Config)) *Gate {
			cfg := Config{Client: newClient(t, authHost), Store: kept, Key: []byte(strings.Repeat("k", seal.MinKey)), Family: family, Hosts: []string{name}}
			change(&cfg)
			return newGate(t, cfg)
		}
		wiki := gate("wiki.example.com", func(cfg *Config) { cfg.LoginAt = auth })
		gate("auth.example.com", func(cfg *Config) { cfg.LoginHost = new(LoginHostConfig) })
		synctest.Wait()
		if _, found, err := wiki.member.SignIn.Host.Announced(t.Context()); found || err != nil {
			t.Errorf("got a record of the start: %t, %v, want none", found, err)
		}
		began := time.Now()
		if _, err := wiki.member.SignIn.Host.Gate.Introduce(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("got %v after %v, want the login host at once", err, time.Since(began))
		}
	})
}
