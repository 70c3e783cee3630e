package demo

import (
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// questions returns users who are asked something other than a second factor.
func questions(elsewhere string) []row {
	const month = 30 * 24 * time.Hour
	return []row{
		{name: "demo", asks: "nothing"},
		{name: "stay", asks: "whether to stay signed in", end: &authentiktest.UserLoginStage{RememberMe: month}},
		{name: "consent", asks: "to consent to what an application wants", stages: stages(&authentiktest.ConsentStage{}), context: consentContext()},
		{name: "prompts", asks: "to fill in a field of every kind", stages: stages(everyField())},
		{name: "terms", asks: "to accept the terms", stages: stages(terms())},
		{name: "captcha", asks: "to solve a captcha", stages: stages(captcha(elsewhere))},
		{name: "dummy", asks: "to go on", stages: stages(&authentiktest.DummyStage{})},
		{name: "agent", asks: "the agent of the device, and goes on without one", stages: stages(&authentiktest.EndpointAgentStage{})},
		{name: "frame", asks: "to load a page in a frame, which only authentik's own page does", stages: stages(frame(elsewhere))},
		{name: "denied", asks: "nothing, and denies access", stages: stages(&authentiktest.DenyStage{Message: "The office is closed today."})},
	}
}

// consentContext returns the permissions of an authorization, for consent.
func consentContext() map[string]any {
	return map[string]any{
		"consent_header": "You are about to sign into Stock ledger.",
		"consent_permissions": []authentiktest.Permission{
			{ID: "profile", Name: "General profile information"}, {ID: "email", Name: "E-mail address"},
		},
	}
}

// everyField returns a prompt with a field of each type that authentik has. Few
// of them are required.
func everyField() authentiktest.Stage {
	colours := []authentiktest.Choice{{Value: "green"}, {Value: "blue"}, {Value: "red"}}
	fields := []authentiktest.Field{
		{Key: "about", Type: authentiktest.FieldStatic, Label: "Static", Initial: "Text of the administrator's, <b>with HTML</b> in it."},
		{Key: "text", Type: authentiktest.FieldText, Label: "Text", Placeholder: "A placeholder", SubText: "A help text below the field"},
		{Key: "lines", Type: authentiktest.FieldTextArea, Label: "Lines of text", Optional: true},
		{Key: "fixed", Type: authentiktest.FieldTextReadOnly, Label: "Text that stays", Initial: "Cannot be changed"},
		{Key: "fixed_lines", Type: authentiktest.FieldTextAreaReadOnly, Label: "Lines that stay", Initial: "Cannot be\nchanged"},
		{Key: "username", Type: authentiktest.FieldUsername, Label: "Username", Initial: "prompts"},
		{Key: "email", Type: authentiktest.FieldEmail, Label: "E-mail address", Optional: true},
		{Key: "password", Type: authentiktest.FieldPassword, Label: "Password", Optional: true},
		{Key: "rule", Type: authentiktest.FieldSeparator, Label: "A line between"},
		{Key: "number", Type: authentiktest.FieldNumber, Label: "Number", Initial: "7"},
		{Key: "box", Type: authentiktest.FieldCheckbox, Label: "Check box", Optional: true},
		{Key: "radio", Type: authentiktest.FieldRadio, Label: "Colour", Choices: colours, Initial: "green"},
		{Key: "list", Type: authentiktest.FieldDropdown, Label: "Colour again", Choices: colours, Initial: "blue"},
		{Key: "date", Type: authentiktest.FieldDate, Label: "Day", Optional: true},
		{Key: "moment", Type: authentiktest.FieldDateTime, Label: "Day and time", Optional: true},
		{Key: "file", Type: authentiktest.FieldFile, Label: "File", Optional: true},
		{Key: "hidden", Type: authentiktest.FieldHidden, Label: "Hidden", Initial: "not seen"},
		{Key: "locale", Type: authentiktest.FieldLocale, Label: "Language", Optional: true},
	}
	for i := range fields {
		fields[i].Order = i
	}
	return &authentiktest.PromptStage{Name: "every field", Fields: fields}
}

func terms() authentiktest.Stage {
	accepted := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		data, _ := r.Context["prompt_data"].(map[string]any)
		return data["terms"] == true, []string{"You must accept the terms."}, nil
	}}
	return &authentiktest.PromptStage{
		Name: "terms", Policies: []authentiktest.Policy{accepted},
		Fields: []authentiktest.Field{
			{Key: "text", Type: authentiktest.FieldStatic, Label: "Terms", Initial: "<p>Be kind, and count twice.</p>"},
			{Key: "terms", Type: authentiktest.FieldCheckbox, Label: "I accept the terms", Optional: true, Order: 1},
		},
	}
}

// captcha returns a stage whose provider is the site elsewhere.
func captcha(elsewhere string) *authentiktest.CaptchaStage {
	return &authentiktest.CaptchaStage{
		JSURL: elsewhere + captchaScript, SiteKey: "demonstration", Interactive: true,
		Verify: func(token string) (authentiktest.Verdict, error) {
			return authentiktest.Verdict{Success: token == captchaToken}, nil
		},
	}
}

func frame(elsewhere string) authentiktest.Stage {
	return scripted("xak-flow-frame", object{
		"url": elsewhere + "/frame", "loading_overlay": true, "loading_text": "A check is running",
	})
}
