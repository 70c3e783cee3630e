package relay

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

const (
	// deep is an address of the application that sign-ins lead back to.
	deep = "/deep?x=1"
	// visitCookie is the cookie of a relayed visit.
	visitCookie = "__Host-authentik_relay"
)

// start starts a site that shows authentik's own pages on its host.
func start(t testing.TB, u testsite.Setup) *testsite.Site {
	t.Helper()
	chromium.Find(t)
	u.Scheme, u.Gate = "https", append(slices.Clone(u.Gate), "login relay")
	return u.Start(t)
}

// withConsent is a site by OpenID Connect whose users are asked for consent.
func withConsent(u testsite.Setup) testsite.Setup {
	u = u.OIDC()
	for _, a := range u.Authentik.Applications {
		a.Provider.AuthorizationFlow = "default-provider-authorization-explicit-consent"
	}
	return u
}

// openRelayed opens a page of the application, which leads to authentik's page
// on this host.
func openRelayed(w *chromium.Window, path string) {
	w.Helper()
	w.Open(path)
	w.Await("#ak-uid_field")
	if got, want := w.URL(), w.Address+"/if/flow/"+testsite.LoginFlow+"/"; !strings.HasPrefix(got, want) {
		w.Fatalf("got the browser at %s, want it at %s…", got, want)
	}
}

// checkQuiet fails the test if the browser has complained of something, or if a
// WebSocket was relayed. That the relay closes authentik's WebSocket, which its
// pages do without, is expected.
func checkQuiet(w *chromium.Window, expected ...string) {
	w.Helper()
	socket := "WebSocket connection to '" + strings.Replace(w.Address, "http", "ws", 1) + "/ws/client/' failed:"
	w.CheckQuiet(append(expected, socket)...)
	if got := w.Sockets(); slices.Contains(got, 101) || slices.Contains(got, 200) {
		w.Errorf("got WebSockets with the statuses %v, want none relayed", got)
	}
}

// TestRelay_SignsInOnThisHost has passkeys where authentik takes this host for
// its own.
func TestRelay_SignsInOnThisHost(t *testing.T) {
	t.Parallel()
	older, newer := authentiktest.Config{Release: authentiktest.Release202510}, authentiktest.Config{Release: authentiktest.Release202605}
	keys, olderKeys := testsite.WithKeys(nil), testsite.WithKeys(nil)
	olderKeys.Release = authentiktest.Release202510
	public := []string{"public_url https://auth.example.com"}
	otherHost := append([]string{"host public"}, public...)
	for name, c := range map[string]struct {
		setup                testsite.Setup
		asksConsent, hasKeys bool
	}{
		"session":                                {testsite.Setup{Authentik: keys, Gate: public}, false, true},
		"OpenID Connect, 2025.10":                {withConsent(testsite.Setup{Authentik: olderKeys, Gate: public}), true, true},
		"session, authentik's own host, 2025.10": {testsite.Setup{Authentik: older, Gate: otherHost}, false, false},
		"OpenID Connect, authentik's own host":   {withConsent(testsite.Setup{Authentik: newer, Gate: otherHost}), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.setup)
			w := tap(s, chromium.Open(t, s.Address))
			arrives := func(path string) {
				t.Helper()
				if c.asksConsent {
					w.Await(`[data-stage="ak-stage-consent"] form`)
					w.Click("form button")
					c.asksConsent = false // authentik remembers it
				}
				w.Landed(path)
				w.checkClean()
				if slices.Contains(w.Cookies(), visitCookie) {
					t.Error("got the visit's cookie after the sign-in")
				}
			}
			openRelayed(w.Window, deep)
			w.Enter("#ak-uid_field", testsite.Jane)
			w.Enter("#ak-password", "wrong")
			w.AwaitText("[role=alert]", "Invalid password")
			w.checkClean()
			w.Enter("#ak-password", testsite.Password)
			if c.hasKeys {
				passkeyTwice(w.Window, arrives)
			} else {
				arrives(deep)
			}
			w.SignOut()
			w.Open("/app")
			code := addApp(t, s.StandIn)
			w.CredentialsAtAuthentik()
			w.Await("#ak-code")
			w.Enter("#ak-code", code())
			arrives("/app")
			if got, want := w.Text("h1"), "Hello "+testsite.JaneName; got != want {
				t.Errorf("got the heading %q, want %q", got, want)
			}
			checkQuiet(w.Window)
		})
	}
}

// passkeyTwice sets a passkey up during a sign-in, which then is the second
// factor of the next.
func passkeyTwice(w *chromium.Window, arrives func(string)) {
	w.Helper()
	w.Await("button[name=webauthn]")
	key := w.AddAuthenticator()
	w.Click("button[name=webauthn]")
	arrives(deep)
	if made := key.Passkeys(); len(made) != 1 || made[0].RpID != "localhost" {
		w.Fatalf("got passkeys %+v, want one of localhost", made)
	}
	w.SignOut()
	openRelayed(w, "/key")
	w.CredentialsAtAuthentik()
	w.Click("button[name=webauthn]")
	arrives("/key")
}

// foreign asks for addresses as the scripts of a page do, from whatever the
// browser has kept, and names those that do not lead to the application.
const foreign = `(async (addresses) => {
	const others = [];
	for (const address of addresses) {
		const text = await (await fetch(address)).text();
		if (!text.includes("Hello Jane Doe")) others.push(address + ": " + text.slice(0, 80));
	}
	return others.join("\n");
})`

func TestRelay_EveryPathIsTheApplicationsAfterTheSignIn(t *testing.T) {
	t.Parallel()
	s := start(t, testsite.Setup{})
	w := chromium.OpenFull(t, s.Address)
	openRelayed(w, deep)
	script := w.Requested(s.Address + "/static/dist/poly-")
	if len(script) == 0 {
		t.Fatal("got no request for one of authentik's scripts")
	}
	if !w.True(`navigator.serviceWorker.register("` + script[0] + `", { scope: "/static/dist/" }).then(() => false, () => true)`) {
		t.Error("got a service worker, want its registration refused")
	}
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	var used []string
	for _, folder := range []string{"/if/flow/", "/static/", "/api/v3/"} {
		below := w.Requested(s.Address + folder)
		if len(below) == 0 {
			t.Fatalf("got no requests below %s", folder)
		}
		used = append(used, below...)
	}
	if got := chromium.Value[string](w, foreign+`(["`+strings.Join(used, `", "`)+`"])`); got != "" {
		t.Errorf("got answers that are not the application's:\n%s", got)
	}
	for _, address := range []string{used[0], w.Requested(s.Address + "/static/dist/flow/")[0]} {
		path := strings.TrimPrefix(address, s.Address)
		w.Open(path)
		w.Landed(path)
	}
	w.Turn(-2)
	w.Turn(-1) // authentik's page, if the browser has kept it
	if at := w.URL(); !w.True(`document.querySelector("#headers") !== null`) {
		t.Errorf("got a page at %s that is not the application's:\n%s", at, w.Text("body"))
	}
	if !w.True(`navigator.serviceWorker.getRegistrations().then((all) => all.length === 0)`) {
		t.Error("got a service worker that is left")
	}
	checkQuiet(w, "when fetching the script") // of the service worker
}

func TestRelay_TabsGoOnWhenAnotherHasSignedIn(t *testing.T) {
	t.Parallel()
	s := start(t, testsite.Setup{})
	atName := chromium.Open(t, s.Address)
	atPassword, signsIn := atName.Tab(), atName.Tab()
	openRelayed(atName, "/name")
	openRelayed(atPassword, "/password")
	atPassword.Enter("#ak-uid_field", testsite.Jane)
	atPassword.Await("#ak-password")
	openRelayed(signsIn, "/signs-in")
	signsIn.CredentialsAtAuthentik()
	signsIn.Landed("/signs-in")
	reached := len(s.App.Requests())
	atPassword.Enter("#ak-password", "of another account")
	atPassword.Await("#headers")
	atName.Enter("#ak-uid_field", "another")
	atName.Await("#headers")
	for _, r := range s.App.Requests()[reached:] {
		if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/api/") {
			t.Errorf("got %s %s at the application, want pages only", r.Method, r.URL)
		}
	}
	for _, w := range []*chromium.Window{atName, atPassword, signsIn} {
		checkQuiet(w)
	}
}

func TestRelay_SignInSurvivesReloadAndDeathOfCaddy(t *testing.T) {
	t.Parallel()
	s := start(t, testsite.Setup{})
	w := chromium.Open(t, s.Address)
	openRelayed(w, deep)
	s.Reload("header X-Configuration second")
	w.Enter("#ak-uid_field", testsite.Jane)
	w.Await("#ak-password")
	s.Kill()
	s.Start()
	w.Enter("#ak-password", "wrong")
	w.Await("[role=alert]")
	s.Kill()
	s.Start()
	w.Reload()
	w.Enter("#ak-password", testsite.Password)
	w.Landed(deep)
	checkQuiet(w)
}

// TestRelay_ExpiredVisitBeginsAnew begins another visit to the same address.
func TestRelay_ExpiredVisitBeginsAnew(t *testing.T) {
	t.Parallel()
	s := inprocess.Setup{Login: proxy.LoginRelay}.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	for _, goOn := range []func(){func() { w.Enter("#ak-password", testsite.Password) }, w.Reload} {
		w.Enter("#ak-uid_field", testsite.Jane)
		w.Await("#ak-password")
		s.Clock.Advance(31 * time.Minute)
		goOn()
		w.Await("#ak-uid_field")
	}
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	checkQuiet(w)
}

// A door is in front of authentik, and breaks requests off while it is shut.
type door struct{ shut atomic.Bool }

func (d *door) before(authentik http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.shut.Load() {
			panic(http.ErrAbortHandler)
		}
		authentik.ServeHTTP(w, r)
	})
}

func TestRelay_GoesOnWhenAuthentikIsBack(t *testing.T) {
	t.Parallel()
	d := new(door)
	s := start(t, testsite.Setup{Front: d.before})
	w := chromium.Open(t, s.Address)
	openRelayed(w, deep)
	w.Enter("#ak-uid_field", testsite.Jane)
	w.Await("#ak-password")
	d.shut.Store(true)
	w.Enter("#ak-password", testsite.Password)
	w.AwaitText("[role=alert]", "50") // HTTP/2 has the number only
	d.shut.Store(false)
	w.Do(chromedp.SendKeys(chromedp.CSS("#ak-password"), kb.Enter))
	w.Landed(deep)

	w.SignOut()
	openRelayed(w, "/again")
	w.Enter("#ak-uid_field", testsite.Jane)
	w.Await("#ak-password")
	d.shut.Store(true)
	w.Reload()
	w.Await("main a.button")
	w.AwaitText("main", "authentik-unreachable")
	d.shut.Store(false)
	w.Reload()
	w.Enter("#ak-password", testsite.Password)
	w.Landed("/again")
	if got := w.ThirdParties(); len(got) > 0 {
		t.Errorf("got requests to third parties %q, want none", got)
	}
}

// TestRelay_SourceLeadsToTheGatesOwnPage, from where a name still signs in.
func TestRelay_SourceLeadsToTheGatesOwnPage(t *testing.T) {
	t.Parallel()
	github := authentiktest.Source{Slug: "github", Name: "GitHub", Kind: authentiktest.SourceOAuth, ClientID: "us", URL: "https://github.example/authorize"}
	cfg := testsite.Flow(
		&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{github}},
		&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
	)
	cfg.Sources = []authentiktest.Source{github}
	for name, u := range map[string]testsite.Setup{"session": {Authentik: cfg}, "OpenID Connect": testsite.Setup{Authentik: cfg}.OIDC()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, u)
			w := chromium.Open(t, s.Address)
			openRelayed(w, deep)
			w.Click(`a[href="/source/oauth/login/github/"]`)
			w.Await("#uid")
			if got, want := w.URL(), s.Address+"/.authentik/login?"; !strings.HasPrefix(got, want) {
				t.Fatalf("got the browser at %s, want it at %s…", got, want)
			}
			w.Click("button[name=source]")
			w.Await("main .plain")
			w.AwaitText("main", "To sign in with GitHub, continue at")
			w.Click("button[name=ways]")
			w.SignIn(deep)
			if slices.Contains(w.Cookies(), visitCookie) {
				t.Error("got the visit's cookie after the sign-in")
			}
			checkQuiet(w)
		})
	}
}
