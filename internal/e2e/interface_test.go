package e2e

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// signsInAtAuthentik gives name and password on authentik's own pages.
func (w *window) signsInAtAuthentik() {
	w.Helper()
	w.enter("#ak-uid_field", jane)
	w.enter("#ak-password", password)
}

// atAuthentik is a window at an authentik without anything before it, on a host that may have passkeys.
func atAuthentik(t *testing.T, cfg authentiktest.Config) (*authentiktest.Server, *window) {
	t.Helper()
	chromium(t)
	standIn, err := authentiktest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(standIn)
	t.Cleanup(server.Close)
	return standIn, newWindow(t, strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
}

// isAtHome waits for the page that authentik leads to whoever wants nothing in particular.
func (w *window) isAtHome() {
	w.Helper()
	w.comesTo(w.address + "/if/user/")
	if !w.true(`document.documentElement.outerHTML.includes("authentik user interface")`) {
		w.Error("the page of a user's own has no marker")
	}
}

// TestTheStandInsInterfaceSignsIn is about the stand-in, on whose pages other tests rely.
func TestTheStandInsInterfaceSignsIn(t *testing.T) {
	t.Parallel()
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	for _, release := range []authentiktest.Release{authentiktest.Release202510, authentiktest.Release202605} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			standIn, w := atAuthentik(t, authentiktest.Config{Release: release, Users: []authentiktest.User{theJane()}})
			w.plugIn()
			w.open("/")
			w.enter("#ak-uid_field", jane)
			w.enter("#ak-password", "wrong")
			w.shows("[role=alert]")
			w.enter("#ak-password", password)
			w.isAtHome()

			w.open("/if/flow/default-authenticator-webauthn-setup/")
			w.press("button[name=webauthn]")
			w.isAtHome()
			w.open("/if/flow/default-authenticator-totp-setup/")
			w.shows("#ak-code")
			w.hears("ak-flow-executor code", "otpauth://totp/")
			standIn.EditUser(jane, func(u *authentiktest.User) {
				u.Devices = append(u.Devices, authentiktest.Device{Class: authentiktest.DeviceTOTP, Secret: secret})
			})

			w.open("/if/flow/default-invalidation-flow/")
			w.signsInAtAuthentik()
			w.shows("#ak-code")
			right, err := totp.GenerateCode(secret, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			w.enter("#ak-code", right)
			w.isAtHome()

			w.open("/if/flow/default-invalidation-flow/")
			w.signsInAtAuthentik()
			w.press("button[name=webauthn]")
			w.isAtHome()
			w.asksLike(release)
			w.quiet()
		})
	}
}

// asksLike holds what a window has asked for to be what the interface of a release asks for.
func (w *window) asksLike(release authentiktest.Release) {
	w.Helper()
	for path, older := range map[string]bool{
		"/api/v3/root/config/": true, "/api/v3/core/brands/current/": true, "/static/dist/standalone/loading/": true,
		"/if/flow/default-authentication-flow/assets/fonts/": true, "/static/dist/assets/fonts/": false, "/static/dist/styles/flow-": false,
	} {
		if asked := len(w.asked(w.address+path)) > 0; asked != (older == (release == authentiktest.Release202510)) {
			w.Errorf("%s: asked for is %t", path, asked)
		}
	}
	if len(w.asked(w.address+"/api/v3/flows/executor/default-authentication-flow/?query=next%3D%252F")) == 0 {
		w.Error("the executor is not told the query of the page")
	}
	if !w.true(`document.cookie.includes("authentik_csrf=")`) {
		w.Error("there is no token for scripts")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sockets) == 0 || w.sockets[0] != 101 {
		w.Errorf("WebSockets have begun with %v", w.sockets)
	}
}

// TestTheStandInsInterfaceDrawsWhatItIsAsked goes through questions that need no more than a form.
func TestTheStandInsInterfaceDrawsWhatItIsAsked(t *testing.T) {
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
	_, w := atAuthentik(t, authentiktest.Config{Users: []authentiktest.User{theJane()}, Flows: []authentiktest.Flow{{
		Slug: "long", Title: "Long", Bindings: bound([]authentiktest.Stage{
			identify, asks, enrol, &authentiktest.ConsentStage{}, &authentiktest.UserLoginStage{RememberMe: time.Hour},
			&authentiktest.ScriptedStage{Component: "ak-stage-of-next-year"},
		}),
	}, {Slug: "short", Title: "Short", Bindings: bound([]authentiktest.Stage{&authentiktest.DenyStage{Message: "No further"}})}}})
	w.open("/if/flow/long/")
	w.shows(`a[href="/source/oauth/login/github/"] img`)
	w.shows(`a[href="/if/flow/recovery/"]`)
	w.shows(`a[href="/if/flow/enrolment/"]`)
	w.press("#ak-remember")
	w.do(chromedp.SendKeys(chromedp.CSS("#ak-uid_field"), jane))
	w.enter("#ak-password", password)
	w.enter("#ak-town", "Lima")
	if !w.true(`localStorage.getItem("authentik-remember-me-user") === "jane"`) {
		t.Error("the name is not remembered")
	}
	for _, stage := range []string{"ak-stage-authenticator-static", "ak-stage-consent", "ak-stage-user-login"} {
		w.shows(`[data-stage="` + stage + `"] form`)
		w.press("form button")
	}
	w.shows(`[data-stage="ak-stage-of-next-year"]`)
	w.hears("ak-flow-executor", "ak-stage-of-next-year")
	w.open("/if/flow/short/")
	w.hears("ak-flow-executor", "No further")
	w.quiet()
}
