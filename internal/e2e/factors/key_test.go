package factors

import (
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

const (
	keyButton   = "button.script-alone"
	application = "#headers" // is on the application's page only
)

// openAndSignIn gives name and password on the way to an address of the
// application.
func openAndSignIn(w *chromium.Window, path string) {
	w.Helper()
	w.Open(path)
	w.Enter("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
}

// keySite is a site on a host that may have passkeys.
func keySite(t testing.TB, cfg authentiktest.Config) *testsite.Site {
	t.Helper()
	chromium.Find(t)
	return testsite.Setup{Scheme: "https", Authentik: cfg, Gate: []string{"host page"}}.Start(t)
}

func TestPasskey_IsSetUpAndThenSignsIn(t *testing.T) {
	t.Parallel()
	s := keySite(t, testsite.WithKeys(nil))
	w := chromium.Open(t, s.Address)
	key := w.AddAuthenticator()

	openAndSignIn(w, "/first")
	w.Await(keyButton)
	if made := key.Passkeys(); len(made) > 0 {
		t.Fatalf("got %d passkeys before the button was clicked, want none", len(made))
	}
	w.Click(keyButton)
	w.Await(application)
	made := key.Passkeys()
	if len(made) != 1 || made[0].RpID != "localhost" || len(made[0].UserHandle) != 48 {
		t.Fatalf("got passkeys %+v, want one of localhost with a user handle", made)
	}

	// As the second factor, by itself: there is no other.
	w.SignOut()
	openAndSignIn(w, "/second")
	w.Await(application)

	// Without a name, too.
	w.SignOut()
	w.Open("/third")
	w.Await("#uid")
	w.Click(`button[value="passwordless"]`)
	w.Landed("/third")
	w.CheckQuiet()
}

func TestPasskey_IsOfferedBesideTheName(t *testing.T) {
	t.Parallel()
	s := inprocess.Setup{Authentik: testsite.WithKeys(&authentiktest.AuthenticatorValidateStage{UserVerification: "required"}), PageHost: true}.Start(t)
	w := chromium.Open(t, s.Address)
	key := w.AddAuthenticator()
	key.SetTouched(false) // there is no passkey to choose yet
	openAndSignIn(w, "/")
	key.SetTouched(true)
	w.Click(keyButton)
	w.Await(application)
	w.SignOut()

	w.Open("/names")
	w.Landed("/names")
	w.CheckQuiet()
}

func TestPasskey_WorksInABrowserWithoutJSONMethods(t *testing.T) {
	t.Parallel()
	s := inprocess.Setup{Authentik: testsite.WithKeys(nil), PageHost: true}.Start(t)
	w := chromium.Open(t, s.Address)
	w.AddAuthenticator()
	w.AddScript(`if (window.PublicKeyCredential) {
		delete PublicKeyCredential.parseCreationOptionsFromJSON;
		delete PublicKeyCredential.parseRequestOptionsFromJSON;
		delete PublicKeyCredential.prototype.toJSON;
	}`)
	openAndSignIn(w, "/first")
	w.Click(keyButton)
	w.Await(application)
	w.SignOut()
	openAndSignIn(w, "/second")
	w.Await(application)
	w.CheckQuiet()
}

func TestPasskey_FailureLeavesOtherFactors(t *testing.T) {
	t.Parallel()
	s := inprocess.Setup{Authentik: testsite.WithKeys(nil), PageHost: true}.Start(t)
	w := chromium.Open(t, s.Address)
	key := w.AddAuthenticator()
	openAndSignIn(w, "/")
	w.Click(keyButton)
	w.Await(application)
	w.SignOut()
	testsite.AddCode(s.StandIn)

	// authentik refuses: the page says so, and waits until the visitor tries again.
	key.SetBogus(true)
	openAndSignIn(w, "/wrong")
	w.Click(`button[value^="webauthn:"]`) // neither device was used yet
	w.AwaitText(`[role="alert"]`, "Assertion failed")
	key.SetBogus(false)
	w.Click(keyButton)
	w.Await(application)
	w.SignOut()

	// Another key is not Jane's: the browser finds no passkey on it.
	key.Remove()
	w.AddAuthenticator()
	openAndSignIn(w, "/absent")
	w.AwaitText("#key-says", "did not work")
	w.Click(keyButton)
	w.AwaitText("#key-says", "did not work")
	w.Click(`button[name="device"]`)
	w.Await(`button[value^="webauthn:"]`)
	w.Click(`button[value^="static:"]`)
	w.Enter("#code", testsite.Code)
	w.Await(application)
	w.CheckQuiet()
}

func TestPasskey_OfAnotherHostComesAfterOtherFactors(t *testing.T) {
	t.Parallel()
	jane := testsite.UserJane()
	jane.Devices = []authentiktest.Device{
		{Class: authentiktest.DeviceWebAuthn, Credential: authentiktest.Credential{ID: []byte("elsewhere")}, LastUsed: time.Now()},
		testsite.CodeDevice(),
	}
	cfg := testsite.WithKeys(&authentiktest.AuthenticatorValidateStage{})
	cfg.Users = []authentiktest.User{jane}
	for name, c := range map[string]testsite.Setup{
		"authentik's own host":  {Scheme: "https", Authentik: cfg},
		"an address in numbers": {Scheme: "http", Authentik: cfg, Gate: []string{"host page"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium.Find(t)
			s := c.Start(t)
			w := chromium.Open(t, s.Address)
			w.AddAuthenticator()
			openAndSignIn(w, "/")
			w.Await(`button[value^="static:"]`)
			if got := w.Text("main"); !strings.Contains(got, "works only there") || !strings.Contains(got, "Continue at") || strings.Contains(got, "Use my passkey") {
				t.Errorf("got a page that does not say where the passkey belongs:\n%s", got)
			}
			w.Click(`button[value^="static:"]`)
			w.Enter("#code", testsite.Code)
			w.Await(application)
			w.CheckQuiet()
		})
	}
}

func TestPasskey_WithoutScriptsThePageSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	s := inprocess.Setup{Authentik: testsite.WithKeys(nil), PageHost: true}.Start(t)
	w := chromium.Open(t, s.Address)
	w.DisableScripts()
	openAndSignIn(w, "/")
	w.Await("noscript")
	if got := w.Text("main"); !strings.Contains(got, "need JavaScript") || !strings.Contains(got, "Start over") || strings.Contains(got, "Set up my") {
		t.Errorf("got a page that does not say what a passkey needs:\n%s", got)
	}
	w.CheckQuiet()
}
