package demo

import "github.com/flowsidecar/caddy-authentik/internal/authentiktest"

// invitation is the token of an invitation that can be used any number of times.
const invitation = "5f1d7c52-0b3e-4f5e-9a68-d3a0c0ffee01"

// beforeSource is the slug of the flow before a sign-in with Telegram.
const beforeSource = "default-source-pre-authentication"

// otherFlows returns flows other than one with a name and a password.
func otherFlows(elsewhere string) []row {
	key := &authentiktest.AuthenticatorValidateStage{DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceWebAuthn}}
	return []row{
		{name: "passwordless", asks: "the passkey of setup-passkey, without a name", stages: stages(key, &authentiktest.UserLoginStage{})},
		{name: "recovery", asks: "a new password by mail; the link appears here", designation: authentiktest.DesignationRecovery, stages: recovery()},
		{name: "enrolment", asks: "a new account's data; the link appears here", designation: authentiktest.DesignationEnrollment, stages: enrolment()},
		{name: "join", query: "?itoken=" + invitation, asks: "a new account's data, by invitation", designation: authentiktest.DesignationEnrollment, stages: invited()},
		{name: "sources", asks: "a name, or a source of one of five kinds", stages: stages(
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: sources(elsewhere)},
			&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{})},
		{name: "plex", asks: "only Plex; needs plex.tv", stages: stages(last("ak-source-plex", object{"client_id": "demonstration", "slug": "plex"}))},
		{name: "apple", asks: "only Apple, which is left to authentik", stages: stages(last("ak-source-oauth-apple", object{
			"client_id": "demonstration", "scope": "name email", "redirect_uri": elsewhere + "/apple", "state": "demonstration",
		}))},
		{name: "telegram", asks: "only Telegram; needs telegram.org", stages: stages(last("ak-source-telegram", object{
			"bot_username": "demonstration_bot", "request_message_access": false,
		}))},
		{name: "person", asks: "a captcha beside the name", stages: stages(
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, Captcha: captcha(elsewhere)},
			&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{})},
	}
}

func recovery() []authentiktest.Stage {
	secret := &authentiktest.PromptStage{Name: "recovery", Fields: []authentiktest.Field{
		{Key: "password", Label: "New password", Type: authentiktest.FieldPassword},
		{Key: "password_repeat", Label: "New password again", Type: authentiktest.FieldPassword, Order: 1},
	}}
	return stages(
		&authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}, &authentiktest.EmailStage{Name: "recovery"}, secret,
		&authentiktest.UserWriteStage{Name: "recovery", Creation: authentiktest.CreateNever}, &authentiktest.UserLoginStage{},
	)
}

// enrolment returns a flow that creates an account, confirmed by e-mail.
func enrolment() []authentiktest.Stage {
	return stages(
		accountPrompt("enrolment"), &authentiktest.UserWriteStage{Name: "enrolment", Creation: authentiktest.CreateAlways},
		&authentiktest.EmailStage{Name: "enrolment", Activate: true}, &authentiktest.UserLoginStage{},
	)
}

func invited() []authentiktest.Stage {
	return stages(
		&authentiktest.InvitationStage{}, accountPrompt("join"),
		&authentiktest.UserWriteStage{Name: "join", Creation: authentiktest.CreateAlways, Active: true}, &authentiktest.UserLoginStage{},
	)
}

// accountPrompt asks for the data of an account.
func accountPrompt(name string) authentiktest.Stage {
	return &authentiktest.PromptStage{Name: name, Fields: []authentiktest.Field{
		{Key: "username", Label: "Username", Type: authentiktest.FieldUsername},
		{Key: "name", Label: "Name", Type: authentiktest.FieldText, Order: 1},
		{Key: "email", Label: "E-mail address", Type: authentiktest.FieldEmail, Order: 2},
		{Key: "password", Label: "Password", Type: authentiktest.FieldPassword, Order: 3},
	}}
}

// sources returns one source of each kind. OAuth and SAML lead to the site
// elsewhere.
func sources(elsewhere string) []authentiktest.Source {
	return []authentiktest.Source{
		{Slug: "oauth", Name: "OAuth", Kind: authentiktest.SourceOAuth, ClientID: "demonstration", URL: elsewhere + "/oauth", Promoted: true},
		{Slug: "saml", Name: "SAML", Kind: authentiktest.SourceSAMLRedirect, URL: elsewhere + "/saml", Issuer: "demonstration"},
		{Slug: "apple", Name: "Apple", Kind: authentiktest.SourceApple, ClientID: "demonstration", URL: elsewhere + "/apple", Scopes: []string{"name", "email"}},
		{Slug: "plex", Name: "Plex", Kind: authentiktest.SourcePlex, ClientID: "demonstration"},
		{Slug: "telegram", Name: "Telegram", Kind: authentiktest.SourceTelegram, Bot: "demonstration_bot", BotToken: "1:demonstration", PreAuthenticationFlow: beforeSource},
	}
}
