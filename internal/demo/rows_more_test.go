package demo

import (
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func questionPromises() map[string]promise {
	return map[string]promise{
		"demo": meets(func(*walk) {}, flowclient.ComponentIdentification, flowclient.ComponentPassword),
		"stay": meets(func(w *walk) { w.press("") }, flowclient.ComponentUserLogin),
		"consent": meets(func(w *walk) {
			w.shows("General profile information")
			w.press("")
		}, flowclient.ComponentConsent),
		"prompts": meets(func(w *walk) { w.enter("Text", "some", "File", "a small file") }, flowclient.ComponentPrompt),
		"terms": meets(func(w *walk) {
			w.press("")
			w.shows("You must accept the terms.")
			w.enter("I accept the terms", "1")
		}, flowclient.ComponentPrompt),
		"captcha": meets(func(w *walk) {
			w.believes()
			w.script("token", "a-robot")
			w.stands(flowclient.ComponentCaptcha)
			w.script("token", captchaToken)
		}, flowclient.ComponentCaptcha),
		"dummy":  meets(func(w *walk) { w.press("") }, flowclient.ComponentDummy),
		"agent":  meets(func(w *walk) { w.press("") }, flowclient.ComponentEndpointAgent),
		"frame":  meets(func(w *walk) { w.press("") }, flowclient.ComponentFrame),
		"denied": leads(func(w *walk) { w.shows("The office is closed today.") }, flowclient.ComponentAccessDenied),
	}
}

func wayPromises(k *passkey) map[string]promise {
	const first = flowclient.ComponentIdentification
	return map[string]promise{
		"passwordless": meets(func(w *walk) { w.touch(k) }, flowclient.ComponentAuthenticatorValidate),
		"recovery": meets(func(w *walk) {
			w.enter("uid_field", "demo")
			w.stands(flowclient.ComponentEmail)
			w.open(w.code("Mail to demo@example.com: "))
			w.press("") // the account is named, for consent
			w.enter("New password", commonPassword, "New password again", commonPassword)
		}, first, flowclient.ComponentEmail, flowclient.ComponentConsent, flowclient.ComponentPrompt),
		"enrolment": meets(func(w *walk) {
			w.enrols("enrolled")
			w.stands(flowclient.ComponentEmail)
			w.open(w.code("Mail to enrolled@example.com: "))
			w.press("")
		}, flowclient.ComponentPrompt, flowclient.ComponentEmail, flowclient.ComponentConsent),
		"join": meets(func(w *walk) { w.enrols("invited") }, flowclient.ComponentPrompt),
		"sources": leads(func(w *walk) {
			for _, name := range []string{"OAuth", "SAML", "Apple", "Plex"} {
				if !strings.Contains(strings.Join(w.page.Buttons(), "\n"), "Continue with "+name) {
					w.Errorf("got the buttons %q, want one for %s", w.page.Buttons(), name)
				}
			}
			w.press("Continue with OAuth")
			w.shows("127.0.0.1")
			w.press("Use another way to sign in")
			w.press("Continue with Telegram")
		}, first, flowclient.ComponentSourceTelegram),
		"plex":     leads(func(*walk) {}, flowclient.ComponentSourcePlex),
		"apple":    leads(func(*walk) {}, flowclient.ComponentSourceApple),
		"telegram": leads(func(*walk) {}, flowclient.ComponentSourceTelegram),
		"person": meets(func(w *walk) {
			w.believes()
			if err := w.page.Put("captcha_token", captchaToken); err != nil {
				w.Fatal(err)
			}
			w.enter("uid_field", "demo")
			w.enter("password", commonPassword)
		}, first),
	}
}

// believes fails unless the page loads the provider's script and is allowed to.
func (w *walk) believes() {
	w.Helper()
	script, _ := w.page.Attribute("data-script")
	origin, ours := strings.CutSuffix(script, captchaScript)
	if !ours || !strings.Contains(w.page.Header.Get("Content-Security-Policy"), "script-src 'self' "+origin) {
		w.Errorf("got the script %q with the policy %q, want one that allows it", script, w.page.Header.Get("Content-Security-Policy"))
	}
	if p, err := w.browser.Open(w.Context(), script); err != nil || !strings.Contains(p.Body, `"`+captchaToken+`"`) {
		w.Errorf("got %v, want a script that gives %s", err, captchaToken)
	}
}

func (w *walk) enrols(name string) {
	w.Helper()
	w.enter("Username", name, "Name", "A New User", "E-mail address", name+"@example.com", "Password", commonPassword)
}

func endingPromises() map[string]promise {
	return map[string]promise{
		"error": leads(func(*walk) {}, flowclient.ComponentFlowError),
		"shell": leads(func(*walk) {}, flowclient.ComponentShell),
		"redirect": leads(func(w *walk) {
			w.follow("Continue at " + w.elsewhere())
			w.shows("GET /redirect")
		}, flowclient.ComponentRedirect),
		"form": leads(func(w *walk) {
			w.press("")
			w.shows("POST /acs with RelayState, SAMLResponse")
		}, flowclient.ComponentAutosubmit),
		"frames":      leads(func(w *walk) { w.press("") }, flowclient.ComponentIframeLogout),
		"tabs":        leads(func(w *walk) { w.press("Continue") }, flowclient.ComponentSAMLNativeLogout),
		"session-end": leads(func(*walk) {}, flowclient.ComponentSessionEnd),
		"device": leads(func(w *walk) {
			w.enter("code", "1")
			w.stands(flowclient.ComponentDeviceCode)
			w.enter("code", deviceCode)
		}, flowclient.ComponentDeviceCode, flowclient.ComponentDeviceCodeFinish),
		"tomorrow": leads(func(w *walk) { w.shows("Continue at 127.0.0.1") }),
	}
}
