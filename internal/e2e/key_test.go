package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// plugIn gives the window a virtual security key that keeps passkeys and
// knows whose it is.
func (w *window) plugIn() webauthn.AuthenticatorID {
	w.Helper()
	if _, err := chromedp.Call(w.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		w.Fatal(err)
	}
	res, err := chromedp.Call(w.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	return res.AuthenticatorID
}

// touched says whether somebody touches the key when it blinks.
func (w *window) touched(key webauthn.AuthenticatorID, touched bool) {
	w.Helper()
	params := webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: key, Enabled: touched}
	if _, err := chromedp.Call(w.ctx, webauthn.SetAutomaticPresenceSimulation, params); err != nil {
		w.Fatal(err)
	}
}

// bogus has the key sign wrongly, or rightly again.
func (w *window) bogus(key webauthn.AuthenticatorID, bogus bool) {
	w.Helper()
	params := webauthn.SetResponseOverrideBitsParams{AuthenticatorID: key, IsBogusSignature: &bogus}
	if _, err := chromedp.Call(w.ctx, webauthn.SetResponseOverrideBits, params); err != nil {
		w.Fatal(err)
	}
}

// unplug takes the key away.
func (w *window) unplug(key webauthn.AuthenticatorID) {
	w.Helper()
	params := webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: key}
	if _, err := chromedp.Call(w.ctx, webauthn.RemoveVirtualAuthenticator, params); err != nil {
		w.Fatal(err)
	}
}

// held are the passkeys that the key keeps.
func (w *window) held(key webauthn.AuthenticatorID) []*webauthn.Credential {
	w.Helper()
	res, err := chromedp.Call(w.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: key})
	if err != nil {
		w.Fatal(err)
	}
	return res.Credentials
}

const (
	keyButton = "button.script-alone"
	inside    = "#headers"
	loginFlow = "default-authentication-flow"
)

func (w *window) see(selector string) {
	w.Helper()
	w.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (w *window) press(selector string) {
	w.Helper()
	w.do(chromedp.Click(chromedp.CSS(selector)))
}

// signIn gives name and password on the pages of an application's address.
func (w *window) signIn(path string) {
	w.Helper()
	w.do(chromedp.Navigate(w.address+path), chromedp.WaitVisible(chromedp.CSS("#uid")))
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane+kb.Enter), chromedp.WaitVisible(chromedp.CSS("#password")))
	w.do(chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter))
}

// says waits until the page says something of the key.
func (w *window) says(want string) {
	w.Helper()
	for begun := time.Now(); !strings.Contains(w.text("#key-says"), want); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			w.Fatalf("%q is never said, but %q", want, w.text("#key-says"))
		}
	}
}

// keyed has users without a key set one up in mid-login, and flows that take
// passkeys alone.
func keyed(names *authentiktest.AuthenticatorValidateStage) authentiktest.Config {
	made := &authentiktest.AuthenticatorWebAuthnStage{ResidentKey: "required", UserVerification: "required"}
	anybody := &authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceWebAuthn}, UserVerification: "required",
	}
	factor := &authentiktest.AuthenticatorValidateStage{
		NotConfigured: authentiktest.NotConfiguredConfigure, ConfigurationStages: []authentiktest.SetupStage{made},
	}
	unproved := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		return r.Context["auth_method"] != "auth_webauthn_pwl", nil, nil
	}}
	return authentiktest.Config{Flows: []authentiktest.Flow{
		{Slug: loginFlow, Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, Passkey: names, PasswordlessFlow: "passwordless"}},
			{Stage: &authentiktest.PasswordStage{}, Policies: []authentiktest.Policy{unproved}},
			{Stage: factor, Policies: []authentiktest.Policy{unproved}},
			{Stage: &authentiktest.UserLoginStage{}},
		}},
		{Slug: "passwordless", Title: "Passkey", Bindings: []authentiktest.Binding{
			{Stage: anybody}, {Stage: &authentiktest.UserLoginStage{}},
		}},
	}}
}

// atHome is a site whose own host authentik takes for its own.
var atHome = []string{"host page"}

func (w *window) signOut() {
	w.Helper()
	w.do(chromedp.Navigate(w.address+"/.authentik/logout"), chromedp.WaitVisible(chromedp.CSS("form button")))
	if _, err := chromedp.RunResponse(w.ctx, chromedp.Click(chromedp.CSS("form button"))); err != nil {
		w.Fatal(err)
	}
}

func TestAPasskeyIsSetUpAndThenSignsInInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := setup{scheme: "https", authentik: keyed(nil), gate: atHome}.site(t)
	w := newWindow(t, s.address)
	key := w.plugIn()

	w.signIn("/first")
	w.see(keyButton)
	if len(w.held(key)) > 0 {
		t.Fatal("a key was made unasked")
	}
	w.press(keyButton)
	w.see(inside)
	made := w.held(key)
	if len(made) != 1 || made[0].RpID != "localhost" || len(made[0].UserHandle) != 48 {
		t.Fatalf("made %+v", made)
	}

	// As the second factor, by itself: there is no other.
	w.signOut()
	w.signIn("/second")
	w.see(inside)

	// Without a name, too.
	w.signOut()
	w.do(chromedp.Navigate(s.address+"/third"), chromedp.WaitVisible(chromedp.CSS("#uid")))
	w.press(`button[value="passwordless"]`)
	w.see(inside)
	if w.at() != s.address+"/third" {
		t.Errorf("landed at %s", w.at())
	}
	w.quiet()
}

// enrolled is a window whose key is Jane's, with nobody signed in.
func enrolled(t *testing.T, s *site) (*window, webauthn.AuthenticatorID) {
	t.Helper()
	w := newWindow(t, s.address)
	key := w.plugIn()
	w.signIn("/")
	w.press(keyButton)
	w.see(inside)
	w.signOut()
	return w, key
}

func TestAPasskeyIsPickedAmongTheNamesInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	names := &authentiktest.AuthenticatorValidateStage{UserVerification: "required"}
	s := setup{scheme: "https", authentik: keyed(names), gate: atHome}.site(t)
	w := newWindow(t, s.address)
	key := w.plugIn()
	w.touched(key, false) // nobody picks what is not there yet
	w.signIn("/")
	w.touched(key, true)
	w.press(keyButton)
	w.see(inside)
	w.signOut()

	w.do(chromedp.Navigate(s.address+"/names"), chromedp.WaitVisible(chromedp.CSS(inside)))
	if w.at() != s.address+"/names" {
		t.Errorf("landed at %s", w.at())
	}
	w.quiet()
}

func TestAnOlderBrowserReadsAndWritesByHand(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := setup{scheme: "https", authentik: keyed(nil), gate: atHome}.site(t)
	w := newWindow(t, s.address)
	w.plugIn()
	older := page.AddScriptToEvaluateOnNewDocumentParams{Source: `if (window.PublicKeyCredential) {
		delete PublicKeyCredential.parseCreationOptionsFromJSON;
		delete PublicKeyCredential.parseRequestOptionsFromJSON;
		delete PublicKeyCredential.prototype.toJSON;
	}`}
	if _, err := chromedp.Call(w.ctx, page.AddScriptToEvaluateOnNewDocument, older); err != nil {
		t.Fatal(err)
	}
	w.signIn("/first")
	w.press(keyButton)
	w.see(inside)
	w.signOut()
	w.signIn("/second")
	w.see(inside)
	w.quiet()
}

func TestAKeyThatFailsLeavesOtherWays(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := setup{scheme: "https", authentik: keyed(nil), gate: atHome}.site(t)
	w, key := enrolled(t, s)
	s.standIn.EditUser(jane, func(u *authentiktest.User) {
		u.Devices = append(u.Devices, authentiktest.Device{Class: authentiktest.DeviceStatic, Codes: []string{"spare-code"}})
	})

	// authentik refuses: the page says so, and waits until somebody wants to try again.
	w.bogus(key, true)
	w.signIn("/wrong")
	w.press(`button[value^="webauthn:"]`) // neither was used yet
	w.see(`[role="alert"]`)
	if got := w.text(`[role="alert"]`); !strings.Contains(got, "Assertion failed") {
		t.Errorf("the page says %q", got)
	}
	w.bogus(key, false)
	w.press(keyButton)
	w.see(inside)
	w.signOut()

	// Another key is not Jane's: the browser finds nothing on it.
	w.unplug(key)
	w.plugIn()
	w.signIn("/absent")
	w.says("did not work")
	w.press(keyButton)
	w.says("did not work")
	w.press(`button[name="device"]`)
	w.see(`button[value^="webauthn:"]`)
	w.press(`button[value^="static:"]`)
	w.see("#code")
	w.do(chromedp.SendKeys(chromedp.CSS("#code"), "spare-code"+kb.Enter))
	w.see(inside)
	w.quiet()
}

func TestAKeyThatBelongsElsewhereComesAfterOtherWays(t *testing.T) {
	t.Parallel()
	chromium(t)
	her := theJane()
	her.Devices = []authentiktest.Device{
		{Class: authentiktest.DeviceWebAuthn, Credential: authentiktest.Credential{ID: []byte("elsewhere")}, LastUsed: time.Now()},
		{Class: authentiktest.DeviceStatic, Codes: []string{"spare-code"}},
	}
	cfg := keyed(&authentiktest.AuthenticatorValidateStage{})
	cfg.Users = []authentiktest.User{her}
	for name, c := range map[string]setup{
		"authentik's own host": {scheme: "https", authentik: cfg},
		"an address":           {scheme: "http", authentik: cfg, gate: atHome}, // in numbers
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.site(t)
			w := newWindow(t, s.address)
			w.plugIn()
			w.signIn("/")
			w.see(`button[value^="static:"]`)
			if got := w.text("main"); !strings.Contains(got, "belongs to") || !strings.Contains(got, "Continue at") || strings.Contains(got, "Use my passkey") {
				t.Errorf("the page says\n%s", got)
			}
			w.press(`button[value^="static:"]`)
			w.do(chromedp.SendKeys(chromedp.CSS("#code"), "spare-code"+kb.Enter))
			w.see(inside)
			w.quiet()
		})
	}
}

// Without scripts the page says what it needs, and other ways are there.
func TestAKeyNeedsScriptsAndSaysSo(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := setup{scheme: "https", authentik: keyed(nil), gate: atHome}.site(t)
	w := newWindow(t, s.address)
	w.withoutScripts()
	w.signIn("/")
	w.see("noscript")
	if got := w.text("main"); !strings.Contains(got, "need JavaScript") || !strings.Contains(got, "Begin again") || strings.Contains(got, "Set up my") {
		t.Errorf("the page says\n%s", got)
	}
	w.quiet()
}
