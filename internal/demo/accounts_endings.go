package demo

import (
	"encoding/json"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// object is the object of a challenge, less what all have.
type object map[string]any

// endings are the ways in which a flow ends, or leads somewhere else. authentik asks most
// of them only of visitors who come from, or go to, other applications.
func endings(elsewhere string) []row {
	return []row{
		{name: "error", says: "an error inside authentik", stages: stages(&authentiktest.DummyStage{Name: "error", Throw: true})},
		{name: "shell", says: "a page of authentik's own, in place of a question", stages: stages(
			last("xak-flow-shell", object{"body": "<h1>Server Error</h1><p>The database is at lunch.</p>"}))},
		{name: "redirect", says: "another site", stages: stages(&authentiktest.RedirectStage{To: elsewhere + "/redirect"})},
		{name: "form", says: "another site, by a form that sends itself", stages: stages(last("ak-stage-autosubmit", object{
			"url": elsewhere + "/acs", "title": "", "attrs": object{"SAMLResponse": "ZGVtb25zdHJhdGlvbg==", "RelayState": "stock"},
		}))},
		{name: "frames", says: "a sign-out at two applications, at once", stages: stages(scripted("ak-provider-iframe-logout", object{
			"logout_urls": []object{
				{"url": elsewhere + "/logout", "provider_name": "Wiki", "binding": "redirect"},
				{"url": elsewhere + "/slo", "provider_name": "Payroll", "binding": "post", "saml_request": "ZGVtb25zdHJhdGlvbg=="},
			},
		}))},
		{name: "tabs", says: "a sign-out at two applications, in turn", stages: tabs(elsewhere)},
		{name: "session-end", says: "the end of a session at one application", stages: stages(last("ak-stage-session-end", object{
			"application_name": "Wiki", "application_launch_url": elsewhere + "/wiki", "brand_name": "Demonstration",
			"invalidation_flow_url": "/if/flow/default-invalidation-flow/",
		}))},
		{name: "device", says: "the code that another device shows: " + deviceCode, stages: device()},
		{name: "tomorrow", says: "a question that only a newer gate knows", stages: stages(last("ak-stage-tomorrow", object{}))},
	}
}

// deviceCode is what a device without a keyboard shows.
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

// tabs tells one application in a form, and another in an address.
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

// scripted is a question that the stand-in for authentik has no stage for.
func scripted(component string, challenge object) *authentiktest.ScriptedStage {
	return &authentiktest.ScriptedStage{Component: component, Challenge: written(challenge)}
}

// last is the same, with no way on.
func last(component string, challenge object) *authentiktest.ScriptedStage {
	s := scripted(component, challenge)
	s.Last = true
	return s
}

func written(challenge object) string {
	text, _ := json.Marshal(challenge) // of texts, truths and lists of them, which cannot fail
	return string(text)
}
