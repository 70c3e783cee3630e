package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// openAuthentik opens a window at an authentik without a gate, on a host that
// may have passkeys.
func openAuthentik(t *testing.T, cfg authentiktest.Config) (*authentiktest.Server, *chromium.Window) {
	t.Helper()
	chromium.Find(t)
	standIn, address := testsite.StartAuthentik(t, cfg, nil)
	return standIn, chromium.Open(t, strings.Replace(address, "127.0.0.1", "localhost", 1))
}

// awaitHome waits for the page that authentik leads users to who have asked for
// no other.
func awaitHome(w *chromium.Window) {
	w.Helper()
	w.AwaitURL(w.Address + "/if/user/")
	if !w.True(`document.documentElement.outerHTML.includes("authentik user interface")`) {
		w.Error("got a page that is not that of a user")
	}
}

// addApp gives Jane an authenticator app, and returns what makes its codes.
func addApp(t testing.TB, standIn *authentiktest.Server) (code func() string) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	standIn.EditUser(testsite.Jane, func(u *authentiktest.User) {
		u.Devices = append(u.Devices, authentiktest.Device{Class: authentiktest.DeviceTOTP, Secret: secret})
	})
	return func() string {
		t.Helper()
		now, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
}

// TestStandIn_InterfaceSignsIn is about the stand-in, on whose pages other tests
// rely.
func TestStandIn_InterfaceSignsIn(t *testing.T) {
	t.Parallel()
	for _, release := range []authentiktest.Release{authentiktest.Release202510, authentiktest.Release202605, authentiktest.Release202608} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			standIn, w := openAuthentik(t, authentiktest.Config{Release: release})
			w.AddAuthenticator()
			w.Open("/")
			w.Enter("#ak-uid_field", testsite.Jane)
			w.Enter("#ak-password", "wrong")
			w.Await("[role=alert]")
			w.Enter("#ak-password", testsite.Password)
			awaitHome(w)

			w.Open("/if/flow/default-authenticator-webauthn-setup/")
			w.Click("button[name=webauthn]")
			awaitHome(w)
			w.Open("/if/flow/default-authenticator-totp-setup/")
			w.Await("#ak-code")
			w.AwaitText("ak-flow-executor code", "otpauth://totp/")
			code := addApp(t, standIn)

			w.Open("/if/flow/default-invalidation-flow/")
			w.CredentialsAtAuthentik()
			w.Await("#ak-code")
			w.Enter("#ak-code", code())
			awaitHome(w)

			w.Open("/if/flow/default-invalidation-flow/")
			w.CredentialsAtAuthentik()
			w.Click("button[name=webauthn]")
			awaitHome(w)
			checkRequests(w, release)
			w.CheckQuiet()
		})
	}
}

// checkRequests fails the test unless a window has asked for what the interface
// of a release asks for.
func checkRequests(w *chromium.Window, release authentiktest.Release) {
	w.Helper()
	for path, older := range map[string]bool{
		"/api/v3/root/config/": true, "/api/v3/core/brands/current/": true, "/static/dist/standalone/loading/": true,
		"/if/flow/default-authentication-flow/assets/fonts/": true, "/static/dist/assets/fonts/": false, "/static/dist/styles/flow-": false,
	} {
		want := older == (release == authentiktest.Release202510)
		if got := len(w.Requested(w.Address+path)) > 0; got != want {
			w.Errorf("got a request for %s: %t, want %t", path, got, want)
		}
	}
	if len(w.Requested(w.Address+"/api/v3/flows/executor/default-authentication-flow/?query=next%3D%252F")) == 0 {
		w.Error("got no request to the executor with the query of the page")
	}
	if !w.True(`document.cookie.includes("authentik_csrf=")`) {
		w.Error("got no token for scripts")
	}
	if got := w.Sockets(); len(got) == 0 || got[0] != 101 {
		w.Errorf("got WebSockets with the statuses %v, want 101", got)
	}
}

// TestStandIn_InterfaceDrawsForms goes through questions that need no more than
// a form.
func TestStandIn_InterfaceDrawsForms(t *testing.T) {
	t.Parallel()
	identify := &authentiktest.IdentificationStage{
		UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}, RememberMe: true,
		RecoveryFlow: "recovery", EnrollmentFlow: "enrolment",
		Sources: []authentiktest.Source{{
			Slug: "github", Name: "GitHub", Icon: "/static/authentik/sources/github.svg",
			Challenge: map[string]any{"component": "xak-flow-redirect", "to": "/source/oauth/login/github/"},
		}},
	}
	enrol := &authentiktest.AuthenticatorValidateStage{
		NotConfigured:       authentiktest.NotConfiguredConfigure,
		ConfigurationStages: []authentiktest.SetupStage{&authentiktest.AuthenticatorStaticStage{}},
	}
	asks := &authentiktest.PromptStage{Fields: []authentiktest.Field{
		{Key: "note", Label: "Note", Type: authentiktest.FieldStatic, Initial: "hello"}, {Key: "town", Label: "Town"},
	}}
	_, w := openAuthentik(t, authentiktest.Config{Flows: []authentiktest.Flow{{
		Slug: "long", Title: "Long", Bindings: testsite.Bindings(
			identify, asks, enrol, &authentiktest.ConsentStage{}, &authentiktest.UserLoginStage{RememberMe: time.Hour},
			&authentiktest.ScriptedStage{Component: "ak-stage-of-next-year"},
		),
	}, {Slug: "short", Title: "Short", Bindings: testsite.Bindings(&authentiktest.DenyStage{Message: "No further"})}}})
	w.Open("/if/flow/long/")
	w.Await(`a[href="/source/oauth/login/github/"] img`)
	w.Await(`a[href="/if/flow/recovery/"]`)
	w.Await(`a[href="/if/flow/enrolment/"]`)
	w.Click("#ak-remember")
	w.Type("#ak-uid_field", testsite.Jane)
	w.Enter("#ak-password", testsite.Password)
	w.Enter("#ak-town", "Lima")
	if !w.True(`localStorage.getItem("authentik-remember-me-user") === "jane"`) {
		t.Error("got no name in the browser's storage, want jane")
	}
	for _, stage := range []string{"ak-stage-authenticator-static", "ak-stage-consent", "ak-stage-user-login"} {
		w.Await(`[data-stage="` + stage + `"] form`)
		w.Click("form button")
	}
	w.Await(`[data-stage="ak-stage-of-next-year"]`)
	w.AwaitText("ak-flow-executor", "ak-stage-of-next-year")
	w.Open("/if/flow/short/")
	w.AwaitText("ak-flow-executor", "No further")
	w.CheckQuiet()
}
