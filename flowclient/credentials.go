package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Identification asks for a user name, and lists the other ways to sign in.
type Identification struct {
	Base
	// UserFields says which identifiers are accepted: "username", "email", "upn". If
	// it is empty there is no input, only sources and links.
	UserFields []string
	// PendingUserIdentifier is the initial value of the input.
	PendingUserIdentifier string
	// PasswordFields asks for the password in the same form.
	PasswordFields    bool
	AllowShowPassword bool
	// ApplicationPre and ApplicationPreLaunch are the name and the address of the
	// application that the visitor comes from. They are empty if authentik does not
	// know it.
	ApplicationPre       string
	ApplicationPreLaunch string
	// FlowDesignation distinguishes a login ("authentication") from a
	// "recovery".
	FlowDesignation string
	// CaptchaStage is a captcha to solve in the same form, or nil.
	CaptchaStage *Captcha
	// EnrollURL, RecoveryURL and PasswordlessURL lead to other flows; see Step.FlowAt.
	EnrollURL, RecoveryURL, PasswordlessURL string
	// PrimaryAction is the label of the button that sends the answer.
	PrimaryAction string
	// Sources are external services to sign in with.
	Sources          []Source
	ShowSourceLabels bool
	// EnableRememberMe offers to remember the user name in the browser.
	EnableRememberMe bool
	// PasskeyChallenge is WebAuthn request options in JSON, or nil.
	PasskeyChallenge json.RawMessage
}

// Source is an external service to sign in with.
type Source struct {
	Name    string
	IconURL string
	// Promoted is true for a source that is shown first.
	Promoted bool
	// Challenge says how to use the source: a Redirect, SourceApple, SourcePlex,
	// SourceTelegram or Unknown. No answer is sent when the visitor chooses one.
	Challenge Challenge
}

// Component returns ComponentIdentification.
func (Identification) Component() Component { return ComponentIdentification }

func decodeIdentification(o object, b Base) Challenge {
	return Identification{
		Base:                  b,
		UserFields:            o.texts("user_fields"),
		PendingUserIdentifier: o.text("pending_user_identifier"),
		PasswordFields:        o.flag("password_fields", false),
		AllowShowPassword:     o.flag("allow_show_password", false),
		ApplicationPre:        o.text("application_pre"),
		ApplicationPreLaunch:  o.text("application_pre_launch"),
		FlowDesignation:       o.text("flow_designation"),
		CaptchaStage:          decodeCaptchaStage(o),
		EnrollURL:             o.text("enroll_url"),
		RecoveryURL:           o.text("recovery_url"),
		PasswordlessURL:       o.text("passwordless_url"),
		PrimaryAction:         o.text("primary_action"),
		Sources:               each(o, "sources", decodeSource),
		ShowSourceLabels:      o.flag("show_source_labels", false),
		EnableRememberMe:      o.flag("enable_remember_me", false),
		PasskeyChallenge:      o.raw("passkey_challenge"),
	}
}

func decodeCaptchaStage(o object) *Captcha {
	in := o.object("captcha_stage")
	if in == nil {
		return nil
	}
	c := captcha(in, decodeBase(in, o["captcha_stage"]))
	return &c
}

func decodeSource(o object) Source {
	return Source{
		Name:      o.text("name"),
		IconURL:   o.text("icon_url"),
		Promoted:  o.flag("promoted", false),
		Challenge: decodeSourceChallenge(o),
	}
}

// decodeSourceChallenge accepts only the kinds that a source can have. If any
// challenge could be nested here, so could another identification, without end.
func decodeSourceChallenge(o object) Challenge {
	in, raw := o.object("challenge"), o["challenge"]
	if in == nil {
		return Unknown{}
	}
	b := decodeBase(in, raw)
	switch name := Component(in.text("component")); name {
	case ComponentRedirect:
		return decodeRedirect(in, b)
	case ComponentSourceApple:
		return decodeSourceApple(in, b)
	case ComponentSourcePlex:
		return decodeSourcePlex(in, b)
	case ComponentSourceTelegram:
		return decodeSourceTelegram(in, b)
	default:
		return Unknown{Base: b, Name: string(name)}
	}
}

// IdentificationAnswer is a user name, or a passkey.
type IdentificationAnswer struct {
	// UID is what the visitor typed: one of Identification.UserFields.
	UID          string
	Password     string
	CaptchaToken string
	// Passkey is the browser's assertion as PublicKeyCredential.toJSON returns it. If
	// it is set, the other fields are not sent.
	Passkey json.RawMessage
}

// Component returns ComponentIdentification.
func (IdentificationAnswer) Component() Component { return ComponentIdentification }

func (a IdentificationAnswer) answer() map[string]any {
	if len(a.Passkey) > 0 {
		return map[string]any{"passkey": a.Passkey}
	}
	m := map[string]any{"uid_field": a.UID}
	put(m, "password", a.Password)
	put(m, "captcha_token", a.CaptchaToken)
	return m
}

// put adds a text that is not empty.
func put(m map[string]any, key, text string) {
	if text != "" {
		m[key] = text
	}
}

// LogValue withholds the answer.
func (a IdentificationAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a IdentificationAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Password asks for the password of the pending user. That user may not exist:
// authentik can be configured to pretend so.
type Password struct {
	Base
	// RecoveryURL is the absolute address of the recovery flow, or empty.
	RecoveryURL       string
	AllowShowPassword bool
}

// Component returns ComponentPassword.
func (Password) Component() Component { return ComponentPassword }

func decodePassword(o object, b Base) Challenge {
	return Password{Base: b, RecoveryURL: o.text("recovery_url"), AllowShowPassword: o.flag("allow_show_password", false)}
}

// PasswordAnswer is a password. Leading and trailing blanks belong to it. Do not send
// an empty one: some releases count it as a failed attempt.
type PasswordAnswer struct{ Password string }

// Component returns ComponentPassword.
func (PasswordAnswer) Component() Component { return ComponentPassword }

func (a PasswordAnswer) answer() map[string]any { return map[string]any{"password": a.Password} }

// LogValue withholds the answer.
func (a PasswordAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a PasswordAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Captcha asks the visitor to solve a captcha.
type Captcha struct {
	Base
	SiteKey string
	// JSURL is the address of the provider's script. The challenge does not name the
	// provider.
	JSURL string
	// Interactive is true if the widget must be visible.
	Interactive bool
}

// Component returns ComponentCaptcha.
func (Captcha) Component() Component { return ComponentCaptcha }

func decodeCaptcha(o object, b Base) Challenge { return captcha(o, b) }

func captcha(o object, b Base) Captcha {
	return Captcha{Base: b, SiteKey: o.text("site_key"), JSURL: o.text("js_url"), Interactive: o.flag("interactive", false)}
}

// CaptchaAnswer is the token that the provider's script returns.
type CaptchaAnswer struct{ Token string }

// Component returns ComponentCaptcha.
func (CaptchaAnswer) Component() Component { return ComponentCaptcha }

func (a CaptchaAnswer) answer() map[string]any { return map[string]any{"token": a.Token} }

// LogValue withholds the answer.
func (a CaptchaAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a CaptchaAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
