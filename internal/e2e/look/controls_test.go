package look

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

func TestPassword_CanBeShown(t *testing.T) {
	t.Parallel()
	const button = "button[data-show]"
	s := inprocess.Start(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{AllowShow: true}},
		&authentiktest.UserLoginStage{})
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	w.Await(button)
	w.Type("#uid", testsite.Jane)
	w.Type("#password", testsite.Password)
	for _, shown := range []bool{true, false, true} {
		w.Click(button)
		if w.True(`document.querySelector("#password").type === "text"`) != shown ||
			w.True(`document.querySelector("button[data-show]").ariaPressed === "true"`) != shown {
			t.Errorf("got a password or a button that does not say shown: %v", shown)
		}
	}
	sent := w.True(`new Promise((resolve) => document.addEventListener("submit", (event) => {
		event.preventDefault();
		resolve(document.querySelector("#password").type === "password");
	}) || document.forms[0].requestSubmit())`)
	if !sent {
		t.Error("got a password that is sent as a text, which browsers keep")
	}
	w.CheckQuiet()

	other := chromium.Open(t, inprocess.Start(t).Address)
	other.Open(deep)
	other.Enter("#uid", testsite.Jane)
	other.Await("#password")
	if other.True(`document.querySelector("button[data-show]") !== null`) {
		t.Error("got a password that can be shown where authentik does not allow it")
	}
}

func TestName_IsRememberedOnRequest(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, RememberMe: true, Password: &authentiktest.PasswordStage{}},
		&authentiktest.UserLoginStage{})
	w := chromium.Open(t, s.Address)
	comeBack := func() {
		w.SignOut()
		w.Open(deep)
		w.Await("#uid")
	}
	w.Open(deep)
	w.Await("#remember")
	w.Click("#remember")
	w.Type("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
	w.Landed(deep)
	comeBack()
	if !w.True(`document.querySelector("#uid").value === "jane" && document.querySelector("#remember").checked && document.activeElement.id === "password"`) {
		t.Error("got a page without the name, or with the focus elsewhere than on the password")
	}
	w.True(`new Promise((resolve) => setTimeout(() => resolve(true), 100))`) // whatever scripts do, they have done
	if got := s.Posts.Load(); got != 1 {
		t.Errorf("got %d forms at the gate, want 1: the page must not send itself", got)
	}
	w.Click("#remember")
	w.Enter("#password", testsite.Password)
	w.Landed(deep)
	comeBack()
	if !w.True(`document.querySelector("#uid").value === "" && !document.querySelector("#remember").checked && !localStorage["authentik-gate-name"]`) {
		t.Error("got a name that is remembered against the visitor's will")
	}
	w.CheckQuiet()
}

func TestName_IsForgottenOnNotYou(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, RememberMe: true},
		&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{})
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	w.Await("#remember")
	w.Click("#remember")
	w.Enter("#uid", testsite.Jane)
	w.Await("#password")
	if !w.True(`localStorage["authentik-gate-name"] === "jane"`) {
		t.Fatal("got no name that is remembered")
	}
	w.Click(".who a")
	w.Await("#uid")
	if !w.True(`document.querySelector("#uid").value === "" && !document.querySelector("#remember").checked && !localStorage["authentik-gate-name"]`) {
		t.Error("got a name, a ticked box or a stored name after Not you?, want none of them")
	}
	w.CheckQuiet()
}

func TestName_IsForgottenForAnotherAccount(t *testing.T) {
	t.Parallel()
	s := inprocess.Setup{
		Stages: []authentiktest.Stage{
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, RememberMe: true, Password: &authentiktest.PasswordStage{}},
			&authentiktest.UserLoginStage{},
		},
		Change: func(c *proxy.Config) { c.Require = []proxy.Requirement{{Claim: "user", Values: []string{"joe"}}} },
	}.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	w.Await("#remember")
	w.Click("#remember")
	w.Type("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
	w.Await("form:has([name=switch])")
	if !w.True(`localStorage["authentik-gate-name"] === "jane"`) {
		t.Fatal("got no name that is remembered")
	}
	w.Click("form:has([name=switch]) button")
	w.Await("#uid")
	if !w.True(`document.querySelector("#uid").value === "" && !document.querySelector("#remember").checked && !localStorage["authentik-gate-name"]`) {
		t.Error("got a name, a ticked box or a stored name for another account, want none of them")
	}
}

func TestRecoveryCodes_CanBeCopiedAndPrinted(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}},
		&authentiktest.AuthenticatorStaticStage{}, &authentiktest.UserLoginStage{})
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	w.Type("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
	w.Await("button[data-do=copy]")
	w.True(`(navigator.clipboard.writeText = async (text) => { window.copied = text; }, window.print = () => { window.printed = true; }, true)`)
	w.Do(chromedp.Click(chromedp.CSS("button[data-do=copy]")), chromedp.Click(chromedp.CSS("button[data-do=print]")))
	w.AwaitText("button[data-do=copy]", "Copied")
	if !w.True(`printed && copied.split("\n").length === 6 && copied.startsWith(document.querySelector(".codes li").textContent)`) {
		t.Error("got other texts copied than the codes, or nothing printed")
	}
	w.CheckQuiet()
}
