package oidc

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// deep is an address of the application that sign-ins lead back to.
const deep = "/deep?x=1"

// neighbours are two more sites of the Caddyfile: another application with a
// gate, and authentik itself.
const neighbours = `https://files.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		public_url https://auth.localhost:PORT
		application files
		client_id "gate of files"
		client_secret {env.CLIENT_SECRET}
		login redirect
		sign_out_back
	}
	reverse_proxy APPLICATION
}

https://auth.localhost:PORT {
	bind 127.0.0.1
	reverse_proxy AUTHENTIK
}
`

// A redirected site signs its visitors in at authentik's own pages.
type redirected struct {
	*testsite.Site
	files, auth string // the addresses of the other application and of authentik
}

// start starts a site with further options of the gate.
func start(t testing.TB, authentik authentiktest.Config, gate ...string) *redirected {
	t.Helper()
	chromium.Find(t)
	authentik.Applications = []authentiktest.Application{testsite.Client("files")}
	u := testsite.Setup{
		Scheme: "https", More: neighbours, Gate: append(gate, "public_url https://auth.localhost:PORT", "sign_out_back"), Authentik: authentik,
	}
	r := &redirected{Site: u.OIDC().Start(t)}
	r.files = strings.Replace(r.Address, "localhost", "files.localhost", 1)
	r.auth = strings.Replace(r.Address, "localhost", "auth.localhost", 1)
	r.Register("files", r.files)
	r.AwaitHost(r.files + "/.authentik/session")
	r.AwaitHost(r.auth + "/")
	return r
}

// endSession is where the browser ends authentik's session.
func (r *redirected) endSession() string { return r.auth + "/application/o/app/end-session/" }

// signOut signs out by the page, and by way of authentik.
func (r *redirected) signOut(w *chromium.Window) {
	w.Helper()
	before := len(w.Requested(r.endSession()))
	w.SignOut()
	testsite.Eventually(w, "a request that ends authentik's session", func() bool { return len(w.Requested(r.endSession())) > before })
	w.AwaitURL(r.Address + "/.authentik/logout")
	w.Await("main a.button")
	w.AwaitText("main", "You are signed out")
}

func TestRedirect_SignsInAndOutAtAuthentik(t *testing.T) {
	t.Parallel()
	r := start(t, authentiktest.Config{}, "login redirect")
	w := chromium.Open(t, r.Address)
	w.Open(deep)
	w.Await("#ak-uid_field")
	if got, want := w.URL(), r.auth+"/if/flow/default-authentication-flow/?"; !strings.HasPrefix(got, want) {
		t.Fatalf("got the browser at %s, want it at %s…", got, want)
	}
	if len(r.App.Requests()) > 0 {
		t.Fatal("got a request at the application before the sign-in")
	}
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	if got, want := w.Text("h1"), "Hello "+testsite.JaneName; got != want {
		t.Errorf("got the heading %q, want %q", got, want)
	}

	// authentik knows her at the other application, and asks nothing.
	other := w.Tab()
	other.Address = r.files
	other.Open("/there?y=2")
	other.Landed("/there?y=2")

	r.signOut(w)
	if got := w.Requested(r.endSession()); len(got) != 1 {
		t.Errorf("got requests %q to end authentik's session, want one", got)
	}
	for _, window := range []*chromium.Window{w, other} {
		window.Open("/again")
		window.Await("#ak-uid_field")
		window.CheckQuiet(r.auth)
	}
}

// TestRedirect_TabsEachLandWhereTheyWantedTo: a second sign-in at authentik ends
// the session of the first, and the cookie that the browser left with may be
// lost as well. Then the sign-in begins anew by itself.
func TestRedirect_TabsEachLandWhereTheyWantedTo(t *testing.T) {
	t.Parallel()
	r := start(t, authentiktest.Config{}, "login redirect")
	all := []*chromium.Window{chromium.Open(t, r.Address)}
	all = append(all, all[0].Tab(), all[0].Tab())
	paths := []string{"/0?a=b", "/1?c=d&e", "/2"}
	for i, tab := range all {
		tab.Open(paths[i])
		tab.Await("#ak-uid_field")
	}
	for _, i := range []int{1, 0, 2} {
		all[i].CredentialsAtAuthentik()
		all[i].Landed(paths[i])
	}
}

func TestCallback_LoadedAgainLeadsOn(t *testing.T) {
	t.Parallel()
	r := start(t, authentiktest.Config{}, "login redirect")
	w := chromium.OpenFull(t, r.Address)
	w.Open(deep)
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	callbacks := w.Requested(r.Address + "/.authentik/callback?")
	if len(callbacks) != 1 {
		t.Fatalf("got the callbacks %q, want one", callbacks)
	}
	w.Do(chromedp.Navigate(callbacks[0]))
	w.Landed(deep)
	w.Turn(-1)
	w.Landed(deep)
	w.Reload()
	w.Landed(deep)
	w.CheckQuiet(r.auth)
	w.Turn(-1).Reload() // authentik's page, which asks a visitor who comes back to it once more
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	if err := r.StandIn.Delivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Open(deep) // in a new session, as the second sign-in has ended that of the first
	w.Landed(deep)

	r.signOut(w)
	reached := len(r.App.Requests())
	w.Do(chromedp.Navigate(callbacks[0]))
	w.Await("#ak-uid_field")
	if len(r.App.Requests()) != reached {
		t.Error("got a request at the application with a code that has been used")
	}
	w.CredentialsAtAuthentik()
	w.Landed(deep)
}

// TestRedirect_RequiredSecondFactorIsAskedFor: Jane has none at first, and then
// gets one.
func TestRedirect_RequiredSecondFactorIsAskedFor(t *testing.T) {
	t.Parallel()
	r := start(t, authentiktest.Config{}, "login redirect", "require mfa")
	w := chromium.Open(t, r.Address)
	w.Open(deep)
	w.CredentialsAtAuthentik()
	w.Await("#ak-uid_field")
	if len(r.App.Requests()) > 0 {
		t.Fatal("got a request at the application without a second factor")
	}
	testsite.AddCode(r.StandIn)
	w.CredentialsAtAuthentik()
	w.Enter("#ak-code", testsite.Code)
	w.Landed(deep)
	w.CheckQuiet(r.auth)
}
