package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// relayed is a site that shows authentik's own pages on its host.
func relayed(u setup) setup {
	u.scheme, u.gate = "https", append(slices.Clone(u.gate), "login relay")
	return u
}

// consented has authentik ask for consent.
func consented(u setup) setup {
	u = connected(u)
	for _, a := range u.authentik.Applications {
		a.Provider.AuthorizationFlow = "default-provider-authorization-explicit-consent"
	}
	return u
}

// relayedTo opens a page of the application, and comes to authentik's on this site's host.
func (w *window) relayedTo(path string) {
	w.Helper()
	w.open(path)
	w.shows("#ak-uid_field")
	if at := w.at(); !strings.HasPrefix(at, w.address+"/if/flow/"+loginFlow+"/") {
		w.Fatalf("led to %s", at)
	}
}

// consents agrees to what the application wants to know.
func (w *window) consents() {
	w.Helper()
	w.shows(`[data-stage="ak-stage-consent"] form`)
	w.press("form button")
}

// atEase holds the window to have complained of nothing but the WebSocket, which is closed and which authentik's pages
// do without, and to have asked no stranger.
func (w *window) atEase() {
	w.Helper()
	closed := "WebSocket connection to '" + strings.Replace(w.address, "http", "ws", 1) + "/ws/client/' failed:"
	w.mu.Lock()
	w.alarms = slices.DeleteFunc(w.alarms, func(a string) bool { return strings.Contains(a, closed) })
	if slices.Contains(w.sockets, 101) || slices.Contains(w.sockets, 200) {
		w.Errorf("WebSockets have begun with %v", w.sockets)
	}
	w.mu.Unlock()
	w.quiet()
}

// hasApp gives Jane an authenticator app, and returns what makes its codes.
func (s *site) hasApp() (now func() string) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	s.standIn.EditUser(jane, func(u *authentiktest.User) {
		u.Devices = append(u.Devices, authentiktest.Device{Class: authentiktest.DeviceTOTP, Secret: secret})
	})
	return func() string {
		s.Helper()
		right, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			s.Fatal(err)
		}
		return right
	}
}

// TestAPersonSignsInThroughAuthentiksPagesOnThisHost has passkeys where authentik takes this host for its own.
func TestAPersonSignsInThroughAuthentiksPagesOnThisHost(t *testing.T) {
	t.Parallel()
	older, newer := authentiktest.Config{Release: authentiktest.Release202510}, authentiktest.Config{Release: authentiktest.Release202605}
	keys, olderKeys := keyed(nil), keyed(nil)
	olderKeys.Release = authentiktest.Release202510
	known := []string{"public_url https://auth.example.com"}
	elsewhere := append([]string{"host public"}, known...)
	for name, c := range map[string]struct {
		setup                setup
		asksConsent, hasKeys bool
	}{
		"session":                           {setup{authentik: keys, gate: known}, false, true},
		"OpenID Connect, 2025.10":           {consented(setup{authentik: olderKeys, gate: known}), true, true},
		"session, its own host, 2025.10":    {setup{authentik: older, gate: elsewhere}, false, false},
		"OpenID Connect, with its own host": {consented(setup{authentik: newer, gate: elsewhere}), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium(t)
			s := relayed(c.setup).site(t)
			w := s.taps(newWindow(t, s.address))
			arrives := func(path string) {
				t.Helper()
				if c.asksConsent {
					w.consents()
					c.asksConsent = false // authentik remembers it
				}
				w.landed(path)
				w.clean()
				if slices.Contains(w.jar(), "__Host-authentik_relay") {
					t.Error("the visit has outlived the sign-in")
				}
			}
			w.relayedTo(deep)
			w.enter("#ak-uid_field", jane)
			w.enter("#ak-password", "wrong")
			w.hears("[role=alert]", "Invalid password")
			w.clean()
			w.enter("#ak-password", password)
			if c.hasKeys {
				keyTwice(w.window, arrives)
			} else {
				arrives(deep)
			}
			w.signOut()
			w.open("/app")
			now := s.hasApp()
			w.signsInAtAuthentik()
			w.enter("#ak-code", now())
			arrives("/app")
			if got := w.text("h1"); got != "Hello "+janeName {
				t.Errorf("the application greets with %q", got)
			}
			w.atEase()
		})
	}
}

// keyTwice sets a passkey up in the middle of a sign-in, and has it be the second factor of the next.
func keyTwice(w *window, arrives func(string)) {
	w.Helper()
	w.shows("button[name=webauthn]")
	key := w.plugIn()
	w.press("button[name=webauthn]")
	arrives(deep)
	if made := w.held(key); len(made) != 1 || made[0].RpID != "localhost" {
		w.Fatalf("made %+v", made)
	}
	w.signOut()
	w.relayedTo("/key")
	w.signsInAtAuthentik()
	w.press("button[name=webauthn]")
	arrives("/key")
}

// loadedFrom asks for addresses as a page's scripts do, from whatever the browser has kept, and names those that are not
// the application's.
const loadedFrom = `(async (addresses) => {
	const others = [];
	for (const address of addresses) {
		const text = await (await fetch(address)).text();
		if (!text.includes("Hello Jane Doe")) others.push(address + ": " + text.slice(0, 80));
	}
	return others.join("\n");
})`

func TestEveryPathIsTheApplicationsAfterTheSignIn(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := relayed(setup{}).site(t)
	w := newWindow(t, s.address)
	w.relayedTo(deep)
	if worker := `navigator.serviceWorker.register("/static/dist/poly-2026.5.0-rc1.js", { scope: "/static/dist/" }).then(() => false, () => true)`; !w.true(worker) {
		t.Error("a service worker is let in")
	}
	w.mu.Lock() // the browser says so, too
	w.alarms = slices.DeleteFunc(w.alarms, func(a string) bool { return strings.Contains(a, "when fetching the script") })
	w.mu.Unlock()
	w.signsInAtAuthentik()
	w.landed(deep)
	var used []string
	for _, folder := range []string{"/if/flow/", "/static/", "/api/v3/"} {
		of := w.asked(s.address + folder)
		if len(of) == 0 {
			t.Fatalf("nothing was asked for below %s", folder)
		}
		used = append(used, of...)
	}
	others, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](loadedFrom+`(["`+strings.Join(used, `", "`)+`"])`, chromedp.EvalAwaitPromise))
	if err != nil || others != "" {
		t.Errorf("not the application's: %v\n%s", err, others)
	}
	for _, address := range []string{used[0], w.asked(s.address + "/static/dist/flow/")[0]} {
		w.open(strings.TrimPrefix(address, s.address))
		w.landed(strings.TrimPrefix(address, s.address))
	}
	w.turn(-2)
	w.turn(-1) // authentik's page, if the browser has kept it
	if at := w.at(); !w.true(`document.querySelector("#headers") !== null`) {
		t.Errorf("at %s there is no application, but\n%s", at, w.text("body"))
	}
	if !w.true(`navigator.serviceWorker.getRegistrations().then((all) => all.length === 0)`) {
		t.Error("a service worker is left")
	}
	w.atEase()
}

func TestTabsAtAuthentiksPagesGoOnWhenAnotherHasSignedIn(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := relayed(setup{}).site(t)
	waits := newWindow(t, s.address)
	knows, signs := waits.tab(), waits.tab()
	waits.relayedTo("/waits")
	knows.relayedTo("/knows")
	knows.enter("#ak-uid_field", jane)
	knows.shows("#ak-password")
	signs.relayedTo("/signs")
	signs.signsInAtAuthentik()
	signs.landed("/signs")
	reached := len(s.app.requests())
	knows.enter("#ak-password", "of another account")
	knows.shows("#headers")
	waits.enter("#ak-uid_field", "somebody")
	waits.shows("#headers")
	for _, r := range s.app.requests()[reached:] {
		if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/api/") {
			t.Errorf("the application got %s %s", r.Method, r.URL)
		}
	}
	for _, w := range []*window{waits, knows, signs} {
		w.atEase()
	}
}

func TestARelayedSignInSurvivesReloadAndDeathOfCaddy(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := relayed(setup{}).site(t)
	w := newWindow(t, s.address)
	w.relayedTo(deep)
	s.reload("\theader X-Configuration second\n")
	w.enter("#ak-uid_field", jane)
	w.shows("#ak-password")
	s.kill()
	s.start()
	w.enter("#ak-password", "wrong")
	w.shows("[role=alert]")
	s.kill()
	s.start()
	reload(w)
	w.enter("#ak-password", password)
	w.landed(deep)
	w.atEase()
}

// TestAPageOfAuthentiksThatIsLeftForTooLongGoesOn finds its visit over, and begins another to the same address.
func TestAPageOfAuthentiksThatIsLeftForTooLongGoesOn(t *testing.T) {
	t.Parallel()
	h := newHouseOf(t, proxy.LoginRelay, authentiktest.Duo{})
	w := newWindow(t, h.address)
	w.open(deep)
	for _, goOn := range []func(){func() { w.enter("#ak-password", password) }, func() { reload(w) }} {
		w.enter("#ak-uid_field", jane)
		w.shows("#ak-password")
		h.later(31 * time.Minute)
		goOn()
		w.shows("#ak-uid_field")
	}
	w.signsInAtAuthentik()
	w.landed(deep)
	w.atEase()
}

// A door stands before authentik, and may be shut.
type door struct{ shut atomic.Bool }

func (d *door) stands(authentik http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.shut.Load() {
			panic(http.ErrAbortHandler)
		}
		authentik.ServeHTTP(w, r)
	})
}

func TestARelayedSignInGoesOnWhenAuthentikIsBack(t *testing.T) {
	t.Parallel()
	chromium(t)
	d := new(door)
	s := relayed(setup{front: d.stands}).site(t)
	w := newWindow(t, s.address)
	w.relayedTo(deep)
	w.enter("#ak-uid_field", jane)
	w.shows("#ak-password")
	d.shut.Store(true)
	w.enter("#ak-password", password)
	w.hears("[role=alert]", "50") // with the number alone over HTTP/2
	d.shut.Store(false)
	w.do(chromedp.SendKeys(chromedp.CSS("#ak-password"), kb.Enter))
	w.landed(deep)

	w.signOut()
	w.relayedTo("/again")
	w.enter("#ak-uid_field", jane)
	w.shows("#ak-password")
	d.shut.Store(true)
	reload(w)
	w.shows("main a.button")
	w.hears("main", "authentik-unreachable")
	d.shut.Store(false)
	reload(w)
	w.enter("#ak-password", password)
	w.landed("/again")
	if got := w.strangers(); len(got) > 0 {
		t.Errorf("the browser asked third parties: %q", got)
	}
}

// TestASourceOnAuthentiksPagesLeadsToTheGatesOwn, from where a name still signs in.
func TestASourceOnAuthentiksPagesLeadsToTheGatesOwn(t *testing.T) {
	t.Parallel()
	github := authentiktest.Source{Slug: "github", Name: "GitHub", Kind: authentiktest.SourceOAuth, ClientID: "us", URL: "https://github.example/authorize"}
	cfg := authentiktest.Config{Sources: []authentiktest.Source{github}, Flows: []authentiktest.Flow{{
		Slug: loginFlow, Title: "Welcome", Bindings: bound([]authentiktest.Stage{
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{github}},
			&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
		}),
	}}}
	for name, u := range map[string]setup{"session": {authentik: cfg}, "OpenID Connect": connected(setup{authentik: cfg})} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium(t)
			s := relayed(u).site(t)
			w := newWindow(t, s.address)
			w.relayedTo(deep)
			w.press(`a[href="/source/oauth/login/github/"]`)
			w.shows("#uid")
			if at := w.at(); !strings.HasPrefix(at, s.address+"/.authentik/login?") {
				t.Fatalf("led to %s", at)
			}
			w.press("button[name=source]")
			w.shows("main .plain")
			w.hears("main", "Signing in with GitHub runs on")
			w.press("button[name=ways]")
			w.signsInTo(deep)
			if slices.Contains(w.jar(), "__Host-authentik_relay") {
				t.Error("the visit has outlived the sign-in")
			}
			w.atEase()
		})
	}
}
