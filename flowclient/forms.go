package flowclient

import (
	"fmt"
	"log/slog"
	"maps"
)

// Prompt is a form that an administrator has designed.
type Prompt struct {
	Base
	// Fields are in the order in which to show them.
	Fields []Field
}

// Field is one field of a form.
type Field struct {
	// Key is the name of the field in the answer.
	Key   string
	Label string
	// Type says how to ask for the value.
	Type     FieldType
	Required bool
	// Placeholder and Initial are text. Initial is the administrator's HTML if Type is
	// FieldStatic or one of the alerts.
	Placeholder, Initial string
	Order                int
	// SubText is the administrator's HTML.
	SubText string
	// Choices are those of a drop-down list or a group of radio buttons.
	Choices []Choice
}

// FieldType is the kind of a field. A newer authentik may have others than those
// listed here.
type FieldType string

// The field types of authentik 2024.8 to 2026.8.
const (
	FieldText             FieldType = "text"
	FieldTextArea         FieldType = "text_area"
	FieldTextReadOnly     FieldType = "text_read_only"
	FieldTextAreaReadOnly FieldType = "text_area_read_only"
	FieldUsername         FieldType = "username"
	FieldEmail            FieldType = "email"
	FieldPassword         FieldType = "password"
	FieldNumber           FieldType = "number"
	FieldCheckbox         FieldType = "checkbox"
	FieldRadioButtonGroup FieldType = "radio-button-group"
	FieldDropdown         FieldType = "dropdown"
	FieldDate             FieldType = "date"
	FieldDateTime         FieldType = "date-time"
	FieldFile             FieldType = "file"
	FieldSeparator        FieldType = "separator"
	FieldHidden           FieldType = "hidden"
	FieldStatic           FieldType = "static"
	FieldLocale           FieldType = "ak-locale"
	// The alerts are fixed text, as FieldStatic is. authentik has them since 2026.8.
	FieldAlertInfo    FieldType = "alert_info"
	FieldAlertWarning FieldType = "alert_warning"
	FieldAlertDanger  FieldType = "alert_danger"
)

// Fixed reports whether fields of the type only show something: they take no input,
// and nothing is sent for them.
func (t FieldType) Fixed() bool {
	switch t {
	case FieldSeparator, FieldStatic, FieldAlertInfo, FieldAlertWarning, FieldAlertDanger:
		return true
	default:
		return false
	}
}

// Choice is one of the choices of a field. Older releases only send values, which
// are then also the labels.
type Choice struct{ Value, Label string }

// Component returns ComponentPrompt.
func (Prompt) Component() Component { return ComponentPrompt }

func decodePrompt(o object, b Base) Challenge {
	return Prompt{Base: b, Fields: each(o, "fields", decodeField)}
}

func decodeField(o object) Field {
	return Field{
		Key:         o.text("field_key"),
		Label:       o.text("label"),
		Type:        FieldType(o.text("type")),
		Required:    o.flag("required", false),
		Placeholder: o.text("placeholder"),
		Initial:     o.text("initial_value"),
		Order:       o.number("order"),
		SubText:     o.text("sub_text"),
		Choices:     decodeChoices(o),
	}
}

func decodeChoices(o object) []Choice {
	var out []Choice
	for _, raw := range o.list("choices") {
		if s, ok := asText(raw); ok {
			out = append(out, Choice{Value: s, Label: s})
		} else if in, err := readObject(raw); err == nil {
			out = append(out, Choice{Value: in.text("value"), Label: in.text("label")})
		}
	}
	return out
}

// PromptAnswer has a value for each field that takes one, by Field.Key. authentik
// refuses empty values for some types of field, such as FieldNumber, and missing keys
// for others.
type PromptAnswer struct{ Values map[string]any }

// Component returns ComponentPrompt.
func (PromptAnswer) Component() Component { return ComponentPrompt }

func (a PromptAnswer) answer() map[string]any { return maps.Clone(a.Values) }

// LogValue withholds the answer.
func (a PromptAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a PromptAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Consent asks whether an application may have certain permissions. There is no
// answer that refuses: a visitor who does not consent leaves the flow.
type Consent struct {
	Base
	Header string
	// Permissions are the requested ones. If AdditionalPermissions is not empty, those
	// are requested, and Permissions have already been granted.
	Permissions, AdditionalPermissions []Permission
	// Token is valid once. Every GET and every refused answer makes a new one.
	Token string
}

// Permission is one of the permissions to consent to. The name may be empty.
type Permission struct{ ID, Name string }

// Component returns ComponentConsent.
func (Consent) Component() Component { return ComponentConsent }

func decodeConsent(o object, b Base) Challenge {
	return Consent{
		Base:                  b,
		Header:                o.text("header_text"),
		Permissions:           each(o, "permissions", decodePermission),
		AdditionalPermissions: each(o, "additional_permissions", decodePermission),
		Token:                 o.text("token"),
	}
}

func decodePermission(o object) Permission {
	return Permission{ID: o.text("id"), Name: o.text("name")}
}

// ConsentAnswer consents, with the token of the challenge.
type ConsentAnswer struct{ Token string }

// Component returns ComponentConsent.
func (ConsentAnswer) Component() Component { return ComponentConsent }

func (a ConsentAnswer) answer() map[string]any { return map[string]any{"token": a.Token} }

// LogValue withholds the answer.
func (a ConsentAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a ConsentAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Email means that authentik has sent a mail with a link. The flow continues in the
// browser in which the link is opened.
type Email struct{ Base }

// Component returns ComponentEmail.
func (Email) Component() Component { return ComponentEmail }

func decodeEmail(_ object, b Base) Challenge { return Email{Base: b} }

// EmailAnswer sends the mail again. The reply is always the same challenge with the
// error "email-sent", even if authentik's limit kept it from sending the mail.
type EmailAnswer struct{}

// Component returns ComponentEmail.
func (EmailAnswer) Component() Component { return ComponentEmail }

func (EmailAnswer) answer() map[string]any { return nil }

// UserLogin asks whether the visitor wants to stay signed in.
type UserLogin struct{ Base }

// Component returns ComponentUserLogin.
func (UserLogin) Component() Component { return ComponentUserLogin }

func decodeUserLogin(_ object, b Base) Challenge { return UserLogin{Base: b} }

// UserLoginAnswer says whether the visitor wants to stay signed in.
type UserLoginAnswer struct{ RememberMe bool }

// Component returns ComponentUserLogin.
func (UserLoginAnswer) Component() Component { return ComponentUserLogin }

func (a UserLoginAnswer) answer() map[string]any { return map[string]any{"remember_me": a.RememberMe} }

// Dummy asks for nothing but a confirmation.
type Dummy struct {
	Base
	Name string
}

// Component returns ComponentDummy.
func (Dummy) Component() Component { return ComponentDummy }

func decodeDummy(o object, b Base) Challenge { return Dummy{Base: b, Name: o.text("name")} }

// DummyAnswer continues the flow.
type DummyAnswer struct{}

// Component returns ComponentDummy.
func (DummyAnswer) Component() Component { return ComponentDummy }

func (DummyAnswer) answer() map[string]any { return nil }

// DeviceCode asks for the code that another device shows (RFC 8628).
type DeviceCode struct{ Base }

// Component returns ComponentDeviceCode.
func (DeviceCode) Component() Component { return ComponentDeviceCode }

func decodeDeviceCode(_ object, b Base) Challenge { return DeviceCode{Base: b} }

// DeviceCodeAnswer is the code that the other device shows. The reply to a
// wrong code is a Shell.
type DeviceCodeAnswer struct{ Code string }

// Component returns ComponentDeviceCode.
func (DeviceCodeAnswer) Component() Component { return ComponentDeviceCode }

func (a DeviceCodeAnswer) answer() map[string]any { return map[string]any{"code": a.Code} }

// LogValue withholds the answer.
func (a DeviceCodeAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a DeviceCodeAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
