package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Identification asks who the visitor is, and lists other ways in.
type Identification struct {
	Base
	// UserFields says what may be typed: username, email, upn. Without any there
	// is no input, only sources and links.
	UserFields []string
	// PendingUserIdentifier is what the input should hold already.
	PendingUserIdentifier string
	// PasswordFields asks for the password in the same form.
	PasswordFields    bool
	AllowShowPassword bool
	// ApplicationPre and ApplicationPreLaunch are the name and the address of the
	// application the visitor comes from, where authentik knows it.
	ApplicationPre       string
	ApplicationPreLaunch string
	// FlowDesignation tells a login from a recovery.
	FlowDesignation string
	// CaptchaStage is a captcha to be solved in the same form, or nil.
	CaptchaStage *Captcha
	// EnrollURL, RecoveryURL and PasswordlessURL lead to other flows; see Step.FlowAt.
	EnrollURL, RecoveryURL, PasswordlessURL string
	// PrimaryAction is the label of the button.
	PrimaryAction    string
	Sources          []Source
	ShowSourceLabels bool
	// EnableRememberMe offers to remember the name in the browser.
	EnableRememberMe bool
	// PasskeyChallenge holds WebAuthn request options, or nil.
	PasskeyChallenge json.RawMessage
}

// Source is another place to sign in.
type Source struct {
	Name    string
	IconURL string
	// Promoted sources come first.
	Promoted bool
	// Challenge is how to get there: a Redirect, SourceApple, SourcePlex or
	// SourceTelegram, or Unknown. Taking it is not told to authentik.
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

// decodeSourceChallenge knows only the kinds a source can have: a challenge that
// nests further would let an answer grow without end.
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

// IdentificationAnswer says who the visitor is. A passkey goes alone.
type IdentificationAnswer struct {
	UID          string
	Password     string
	CaptchaToken string
	// Passkey is the browser's assertion, as PublicKeyCredential.toJSON gives it.
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

// put adds a text that was given.
func put(m map[string]any, key, text string) {
	if text != "" {
		m[key] = text
	}
}

// LogValue withholds the answer.
func (a IdentificationAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a IdentificationAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Password asks for the password of the pending user, who need not exist.
type Password struct {
	Base
	// RecoveryURL is the absolute address of the recovery flow's page, or empty.
	RecoveryURL       string
	AllowShowPassword bool
}

// Component returns ComponentPassword.
func (Password) Component() Component { return ComponentPassword }

func decodePassword(o object, b Base) Challenge {
	return Password{Base: b, RecoveryURL: o.text("recovery_url"), AllowShowPassword: o.flag("allow_show_password", false)}
}

// PasswordAnswer is a password, blanks included. An empty one counts as a failed
// attempt in some releases, so better do not send it.
type PasswordAnswer struct{ Password string }

// Component returns ComponentPassword.
func (PasswordAnswer) Component() Component { return ComponentPassword }

func (a PasswordAnswer) answer() map[string]any { return map[string]any{"password": a.Password} }

// LogValue withholds the answer.
func (a PasswordAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a PasswordAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Captcha asks for proof of being human.
type Captcha struct {
	Base
	SiteKey string
	// JSURL is the provider's script. Which provider it is shows only when it runs.
	JSURL string
	// Interactive asks for a visible widget.
	Interactive bool
}

// Component returns ComponentCaptcha.
func (Captcha) Component() Component { return ComponentCaptcha }

func decodeCaptcha(o object, b Base) Challenge { return captcha(o, b) }

func captcha(o object, b Base) Captcha {
	return Captcha{Base: b, SiteKey: o.text("site_key"), JSURL: o.text("js_url"), Interactive: o.flag("interactive", false)}
}

// CaptchaAnswer is the provider's token.
type CaptchaAnswer struct{ Token string }

// Component returns ComponentCaptcha.
func (CaptchaAnswer) Component() Component { return ComponentCaptcha }

func (a CaptchaAnswer) answer() map[string]any { return map[string]any{"token": a.Token} }

// LogValue withholds the answer.
func (a CaptchaAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a CaptchaAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
