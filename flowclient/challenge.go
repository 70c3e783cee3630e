package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Component is the name authentik gives to a kind of challenge.
type Component string

// The components of authentik 2024.8 to 2026.8.
const (
	ComponentAccessDenied          Component = "ak-stage-access-denied"
	ComponentAuthenticatorDuo      Component = "ak-stage-authenticator-duo"
	ComponentAuthenticatorEmail    Component = "ak-stage-authenticator-email"
	ComponentAuthenticatorSMS      Component = "ak-stage-authenticator-sms"
	ComponentAuthenticatorStatic   Component = "ak-stage-authenticator-static"
	ComponentAuthenticatorTOTP     Component = "ak-stage-authenticator-totp"
	ComponentAuthenticatorValidate Component = "ak-stage-authenticator-validate"
	ComponentAuthenticatorWebAuthn Component = "ak-stage-authenticator-webauthn"
	ComponentAutosubmit            Component = "ak-stage-autosubmit"
	ComponentCaptcha               Component = "ak-stage-captcha"
	ComponentConsent               Component = "ak-stage-consent"
	ComponentDeviceCode            Component = "ak-provider-oauth2-device-code"
	ComponentDeviceCodeFinish      Component = "ak-provider-oauth2-device-code-finish"
	ComponentDummy                 Component = "ak-stage-dummy"
	ComponentEmail                 Component = "ak-stage-email"
	ComponentEndpointAgent         Component = "ak-stage-endpoint-agent"
	ComponentFlowError             Component = "ak-stage-flow-error"
	ComponentFrame                 Component = "xak-flow-frame"
	ComponentIdentification        Component = "ak-stage-identification"
	ComponentIframeLogout          Component = "ak-provider-iframe-logout"
	ComponentPassword              Component = "ak-stage-password"
	ComponentPrompt                Component = "ak-stage-prompt"
	ComponentRedirect              Component = "xak-flow-redirect"
	ComponentSAMLNativeLogout      Component = "ak-provider-saml-native-logout"
	ComponentSessionEnd            Component = "ak-stage-session-end"
	ComponentShell                 Component = "xak-flow-shell"
	ComponentSourceApple           Component = "ak-source-oauth-apple"
	ComponentSourcePlex            Component = "ak-source-plex"
	ComponentSourceTelegram        Component = "ak-source-telegram"
	ComponentUserLogin             Component = "ak-stage-user-login"
)

// decoders has one row for each component.
var decoders = map[Component]func(object, Base) Challenge{
	ComponentAccessDenied:          decodeAccessDenied,
	ComponentAuthenticatorDuo:      decodeAuthenticatorDuo,
	ComponentAuthenticatorEmail:    decodeAuthenticatorEmail,
	ComponentAuthenticatorSMS:      decodeAuthenticatorSMS,
	ComponentAuthenticatorStatic:   decodeAuthenticatorStatic,
	ComponentAuthenticatorTOTP:     decodeAuthenticatorTOTP,
	ComponentAuthenticatorValidate: decodeAuthenticatorValidate,
	ComponentAuthenticatorWebAuthn: decodeAuthenticatorWebAuthn,
	ComponentAutosubmit:            decodeAutosubmit,
	ComponentCaptcha:               decodeCaptcha,
	ComponentConsent:               decodeConsent,
	ComponentDeviceCode:            decodeDeviceCode,
	ComponentDeviceCodeFinish:      decodeDeviceCodeFinish,
	ComponentDummy:                 decodeDummy,
	ComponentEmail:                 decodeEmail,
	ComponentEndpointAgent:         decodeEndpointAgent,
	ComponentFlowError:             decodeFlowError,
	ComponentFrame:                 decodeFrame,
	ComponentIdentification:        decodeIdentification,
	ComponentIframeLogout:          decodeIframeLogout,
	ComponentPassword:              decodePassword,
	ComponentPrompt:                decodePrompt,
	ComponentRedirect:              decodeRedirect,
	ComponentSAMLNativeLogout:      decodeSAMLNativeLogout,
	ComponentSessionEnd:            decodeSessionEnd,
	ComponentShell:                 decodeShell,
	ComponentSourceApple:           decodeSourceApple,
	ComponentSourcePlex:            decodeSourcePlex,
	ComponentSourceTelegram:        decodeSourceTelegram,
	ComponentUserLogin:             decodeUserLogin,
}

// Components returns every component this package has a type for, in no
// particular but always the same order.
func Components() []Component {
	return []Component{
		ComponentAccessDenied, ComponentAuthenticatorDuo, ComponentAuthenticatorEmail,
		ComponentAuthenticatorSMS, ComponentAuthenticatorStatic, ComponentAuthenticatorTOTP,
		ComponentAuthenticatorValidate, ComponentAuthenticatorWebAuthn, ComponentAutosubmit,
		ComponentCaptcha, ComponentConsent, ComponentDeviceCode, ComponentDeviceCodeFinish,
		ComponentDummy, ComponentEmail, ComponentEndpointAgent, ComponentFlowError,
		ComponentFrame, ComponentIdentification, ComponentIframeLogout, ComponentPassword,
		ComponentPrompt, ComponentRedirect, ComponentSAMLNativeLogout, ComponentSessionEnd,
		ComponentShell, ComponentSourceApple, ComponentSourcePlex, ComponentSourceTelegram,
		ComponentUserLogin,
	}
}

// Challenge is one question of authentik, or one of the ways a flow ends. The
// set is closed: its members are the types of this package, and Unknown for what
// a newer authentik may ask.
//
//sumtype:decl
type Challenge interface {
	// Component names the kind.
	Component() Component
	// Common returns what every challenge may have.
	Common() Base
	challenge() // seals the set
}

// Base is what every challenge may have.
type Base struct {
	// FlowInfo is nil where authentik sends none: redirects, errors, shells.
	FlowInfo *FlowInfo
	// Errors holds what was wrong with the last answer, by field of that answer;
	// what belongs to no field is under NonField. It is nil where authentik found
	// no fault, and empty where it refused without a word.
	Errors map[string][]FieldError
	// PendingUser is the user name of whoever is being signed in, as far as
	// authentik wants it shown.
	PendingUser string
	// PendingUserAvatar is the address of a picture, often a data: one.
	PendingUserAvatar string
	// Raw is the challenge as authentik sent it, less errors that were dropped.
	Raw json.RawMessage
}

// NonField is the key of Base.Errors for what belongs to no field.
const NonField = "non_field_errors"

// FieldError is one complaint about an answer.
type FieldError struct {
	// Text is for the visitor, in the language that was asked for.
	Text string
	// Code is a stable word such as "required" or "invalid"; it may be missing.
	Code string
}

// FlowInfo is how the administrator wants the flow to look. The name is
// authentik's.
type FlowInfo struct {
	Title string
	// Background is an image address, or a page's in the layouts that say so.
	Background       string
	BackgroundThemed Themed
	// CancelURL leads out of the flow, in older releases by way of a logout.
	CancelURL string
	// Layout is one of seven words; others may come.
	Layout string
}

// Themed holds one address for light and one for dark surroundings; either may
// be missing.
type Themed struct{ Light, Dark string }

// Common returns the base itself.
func (b Base) Common() Base { return b }

func (Base) challenge() {}

// withheld is what a log gets to see of a challenge or an answer: recovery codes,
// TOTP secrets and passwords are made of the same fields as everything else.
const withheld = "(withheld)"

// LogValue keeps challenges out of logs, as they carry codes, secrets and names.
func (Base) LogValue() slog.Value { return slog.StringValue(withheld) }

// Format keeps challenges out of formatted text, for the same reason.
func (Base) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// Unknown is a challenge of a kind this package has no type for.
type Unknown struct {
	Base
	// Name is the component authentik named; empty where it named none.
	Name string
}

// Component returns the name authentik gave.
func (c Unknown) Component() Component { return Component(c.Name) }

// Decode reads one challenge. A component it does not know gives Unknown and no
// error; optional fields of an unexpected type count as absent.
func Decode(raw []byte) (Challenge, error) { return decodeAt(raw, "") }

// decodeAt reads one challenge of an authentik whose public address is root, or
// the root of its host where that is empty.
func decodeAt(raw []byte, root string) (Challenge, error) {
	o, err := readObject(raw)
	if err != nil {
		return nil, fmt.Errorf("decoding a challenge: %w", err)
	}
	return resolveRedirects(decodeObject(o, raw), root), nil
}

func decodeObject(o object, raw []byte) Challenge {
	base := decodeBase(o, raw)
	name := Component(o.text("component"))
	if name == "" && o.has("fields") {
		// authentik found its own prompt invalid, and sent it all the same. It
		// takes answers as usual.
		name = ComponentPrompt
	}
	if decode, ok := decoders[name]; ok {
		return decode(o, base)
	}
	return Unknown{Base: base, Name: string(name)}
}

func decodeBase(o object, raw []byte) Base {
	return Base{
		FlowInfo:          decodeFlowInfo(o),
		Errors:            decodeErrors(o),
		PendingUser:       o.text("pending_user"),
		PendingUserAvatar: o.text("pending_user_avatar"),
		Raw:               json.RawMessage(append([]byte(nil), raw...)),
	}
}

func decodeFlowInfo(o object) *FlowInfo {
	in := o.object("flow_info")
	if in == nil {
		return nil
	}
	return &FlowInfo{
		Title:            in.text("title"),
		Background:       in.text("background"),
		BackgroundThemed: decodeThemed(in, "background_themed_urls"),
		CancelURL:        in.text("cancel_url"),
		Layout:           in.text("layout"),
	}
}

func decodeThemed(o object, key string) Themed {
	in := o.object(key)
	return Themed{Light: in.text("light"), Dark: in.text("dark")}
}

func decodeErrors(o object) map[string][]FieldError {
	in := o.object("response_errors")
	if in == nil {
		return nil
	}
	out := make(map[string][]FieldError, len(in))
	for field := range in {
		out[field] = decodeFieldErrors(in, field)
	}
	return out
}

// decodeFieldErrors takes bare strings as well as objects: errors of nested
// fields arrive flattened.
func decodeFieldErrors(o object, field string) []FieldError {
	var out []FieldError
	for _, raw := range o.list(field) {
		if s, ok := asText(raw); ok {
			out = append(out, FieldError{Text: s})
		} else if in, err := readObject(raw); err == nil {
			out = append(out, FieldError{Text: in.text("string"), Code: in.text("code")})
		}
	}
	return out
}
