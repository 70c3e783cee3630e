package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Component is authentik's name for a kind of challenge.
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

// Components returns every component that this package has a type for, always in
// the same order.
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

// Challenge is a question that authentik asks, or one of the ways in which a
// flow ends. The set is closed: its members are types of this package, and
// Unknown is used for the questions of a newer authentik.
//
//sumtype:decl
type Challenge interface {
	// Component is the kind of challenge.
	Component() Component
	// Common returns the part that all challenges share.
	Common() Base
	challenge() // seals the set
}

// Base is the part that all challenges share.
type Base struct {
	// FlowInfo is nil for redirects, errors and shells.
	FlowInfo *FlowInfo
	// Errors says what is wrong with the last answer, by field of that answer. Errors
	// that concern no single field are under NonField. It is nil if authentik found
	// nothing wrong, and empty but not nil if authentik refused without a reason.
	Errors map[string][]FieldError
	// PendingUser is the name of the user who is signing in, if authentik is
	// configured to show it.
	PendingUser string
	// PendingUserAvatar is the address of a picture, often a data URL.
	PendingUserAvatar string
	// Raw is the challenge as authentik sent it. If Step.Lost is true, errors may have
	// been removed from it.
	Raw json.RawMessage
}

// NonField is the key of Base.Errors for errors that concern no single field.
const NonField = "non_field_errors"

// FieldError is one error in an answer.
type FieldError struct {
	// Text is for the visitor, in the requested language.
	Text string
	// Code is a stable word such as "required" or "invalid". It may be empty.
	Code string
}

// FlowInfo describes the appearance of a flow.
type FlowInfo struct {
	Title string
	// Background is the address of a picture, or of a page in the layouts whose name
	// contains "frame".
	Background       string
	BackgroundThemed Themed
	// CancelURL leaves the flow. In older releases it signs the user out.
	CancelURL string
	// Layout is one of seven words, such as "stacked". A newer authentik may have
	// others.
	Layout string
}

// Themed has one address for a light and one for a dark theme. Either may be empty.
type Themed struct{ Light, Dark string }

// Common returns the base itself.
func (b Base) Common() Base { return b }

func (Base) challenge() {}

// withheld replaces the content of challenges and answers in logs. Recovery codes,
// TOTP secrets and passwords have the same types as all other fields, so nothing is
// shown.
const withheld = "(withheld)"

// LogValue keeps the content of challenges out of logs. They contain codes, secrets
// and names.
func (Base) LogValue() slog.Value { return slog.StringValue(withheld) }

// Format keeps the content of challenges, which are codes, secrets and names,
// out of formatted text.
func (Base) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// Unknown is a challenge that this package has no type for.
type Unknown struct {
	Base
	// Name is the component. It is empty if authentik sent none.
	Name string
}

// Component returns Name.
func (c Unknown) Component() Component { return Component(c.Name) }

// Decode decodes one challenge. An unknown component is no error: the result is an
// Unknown. Optional fields of an unexpected type count as absent.
func Decode(raw []byte) (Challenge, error) { return DecodeAt(raw, "") }

// DecodeAt decodes a challenge as Decode does, from an authentik whose public
// address is root. The path of a redirect is then relative to root. An empty root
// stands for the root of authentik's host.
func DecodeAt(raw []byte, root string) (Challenge, error) {
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
		// authentik could not validate its own prompt and sends it without a component.
		// It accepts answers as usual.
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

// decodeFieldErrors accepts strings as well as objects: authentik flattens the errors
// of nested fields to strings.
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
