package demo

import (
	"encoding/json"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// An object has those fields of a challenge that not all challenges have.
type object map[string]any

// endings returns flows that end without a sign-in, or lead to another site.
// authentik shows most of them only to visitors of other applications.
func endings(elsewhere string) []row {
	return []row{
		{name: "error", asks: "an error inside authentik", stages: stages(&authentiktest.DummyStage{Name: "error", Throw: true})},
		{name: "shell", asks: "authentik's own page instead of a challenge", stages: stages(
			last("xak-flow-shell", object{"body": "<h1>Server Error</h1><p>The database is at lunch.</p>"}))},
		{name: "redirect", asks: "another site", stages: stages(&authentiktest.RedirectStage{To: elsewhere + "/redirect"})},
		{name: "form", asks: "another site, by a form that sends itself", stages: stages(last("ak-stage-autosubmit", object{
			"url": elsewhere + "/acs", "title": "", "attrs": object{"SAMLResponse": "ZGVtb25zdHJhdGlvbg==", "RelayState": "stock"},
		}))},
		{name: "frames", asks: "a sign-out at two applications, at once", stages: stages(scripted("ak-provider-iframe-logout", object{
			"logout_urls": []object{
				{"url": elsewhere + "/logout", "provider_name": "Wiki", "binding": "redirect"},
				{"url": elsewhere + "/slo", "provider_name": "Payroll", "binding": "post", "saml_request": "ZGVtb25zdHJhdGlvbg=="},
			},
		}))},
		{name: "tabs", asks: "a sign-out at two applications, in turn", stages: tabs(elsewhere)},
		{name: "session-end", asks: "the end of a session at one application", stages: stages(last("ak-stage-session-end", object{
			"application_name": "Wiki", "application_launch_url": elsewhere + "/wiki", "brand_name": "Demonstration",
			"invalidation_flow_url": "/if/flow/default-invalidation-flow/",
		}))},
		{name: "device", asks: "the code that another device shows: " + deviceCode, stages: device()},
		{name: "tomorrow", asks: "a question that only a newer gate knows", stages: stages(last("ak-stage-tomorrow", object{}))},
	}
}

// deviceCode is the code that a device without a keyboard shows.
const deviceCode = "640378382"

func device() []authentiktest.Stage {
	return stages(
		&authentiktest.ScriptedStage{Component: "ak-provider-oauth2-device-code", Check: func(answer map[string]any) map[string]string {
			if answer["code"] != deviceCode && answer["code"] != json.Number(deviceCode) {
				return map[string]string{"code": "Invalid code"}
			}
			return nil
		}},
		last("ak-provider-oauth2-device-code-finish", object{}),
	)
}

// tabs signs out at two applications, each in a tab of its own: at one by a
// form, and at the other by an address.
func tabs(elsewhere string) []authentiktest.Stage {
	return stages(
		scripted("ak-provider-saml-native-logout", object{
			"provider_name": "Payroll", "is_complete": false, "saml_binding": "post",
			"post_url": elsewhere + "/slo", "saml_request": "ZGVtb25zdHJhdGlvbg==",
		}),
		scripted("ak-provider-saml-native-logout", object{
			"provider_name": "Wiki", "is_complete": false, "saml_binding": "redirect", "redirect_url": elsewhere + "/logout?SAMLRequest=demonstration",
		}),
	)
}

// scripted returns a challenge for which the stand-in has no stage.
func scripted(component string, challenge object) *authentiktest.ScriptedStage {
	return &authentiktest.ScriptedStage{Component: component, Challenge: encode(challenge)}
}

// last is scripted for a challenge that ends the flow.
func last(component string, challenge object) *authentiktest.ScriptedStage {
	s := scripted(component, challenge)
	s.Last = true
	return s
}

func encode(challenge object) string {
	text, _ := json.Marshal(challenge) // encoding strings, booleans and lists of them cannot fail
	return string(text)
}
