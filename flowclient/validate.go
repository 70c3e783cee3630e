package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// AuthenticatorValidateAnswer is an answer to AuthenticatorValidate. The set is
// closed: its members are ValidateCodeAnswer, ValidateWebAuthnAnswer,
// ValidateDuoAnswer, ValidateDeviceAnswer and ValidateStageAnswer. authentik
// accepts exactly one of them at a time, and would ignore a code that came with
// a device.
//
//sumtype:decl
type AuthenticatorValidateAnswer interface {
	Answer
	validates() // seals the set
}

// ValidateCodeAnswer is a code. authentik tries it on every device of the user
// that has codes: static, totp, sms and email.
type ValidateCodeAnswer struct{ Code string }

// ValidateWebAuthnAnswer is the assertion of a passkey or a security key.
type ValidateWebAuthnAnswer struct {
	// Response is the assertion as PublicKeyCredential.toJSON returns it.
	Response json.RawMessage
}

// ValidateDuoAnswer sends a push to a Duo device. The call returns once the user
// has confirmed or refused the push, or at the latest after 90 seconds.
type ValidateDuoAnswer struct {
	// UID is the DeviceChallenge.UID of the device.
	UID string
}

// ValidateDeviceAnswer selects an sms or email device, to which authentik then
// sends a code. authentik answers with the same challenge and, under NonField, the
// error "Empty response", which is not a failure.
type ValidateDeviceAnswer struct {
	// Device is an element of AuthenticatorValidate.Devices, unchanged.
	Device DeviceChallenge
}

// ValidateStageAnswer chooses the device that a user without devices sets up.
type ValidateStageAnswer struct {
	// PK is the ConfigurationStage.PK of the choice.
	PK string
}

func (ValidateCodeAnswer) validates()     {}
func (ValidateWebAuthnAnswer) validates() {}
func (ValidateDuoAnswer) validates()      {}
func (ValidateDeviceAnswer) validates()   {}
func (ValidateStageAnswer) validates()    {}

// Component returns ComponentAuthenticatorValidate.
func (ValidateCodeAnswer) Component() Component { return ComponentAuthenticatorValidate }

// Component returns ComponentAuthenticatorValidate.
func (ValidateWebAuthnAnswer) Component() Component { return ComponentAuthenticatorValidate }

// Component returns ComponentAuthenticatorValidate.
func (ValidateDuoAnswer) Component() Component { return ComponentAuthenticatorValidate }

// Component returns ComponentAuthenticatorValidate.
func (ValidateDeviceAnswer) Component() Component { return ComponentAuthenticatorValidate }

// Component returns ComponentAuthenticatorValidate.
func (ValidateStageAnswer) Component() Component { return ComponentAuthenticatorValidate }

func (a ValidateCodeAnswer) answer() map[string]any { return map[string]any{"code": a.Code} }

func (a ValidateWebAuthnAnswer) answer() map[string]any {
	return map[string]any{"webauthn": a.Response}
}

func (a ValidateDuoAnswer) answer() map[string]any { return map[string]any{"duo": a.UID} }

func (a ValidateDeviceAnswer) answer() map[string]any {
	return map[string]any{"selected_challenge": a.Device.selection()}
}

func (a ValidateStageAnswer) answer() map[string]any {
	return map[string]any{"selected_stage": a.PK}
}

// pushes reports whether authentik delays its reply until the user has reacted to a
// push.
func (a ValidateDuoAnswer) pushes() bool { return true }

// selection is the device in the form in which authentik offered it. authentik
// requires the key last_used even if its value is null.
func (d DeviceChallenge) selection() map[string]any {
	challenge := d.Challenge
	if len(challenge) == 0 {
		challenge = json.RawMessage("{}")
	}
	return map[string]any{
		"device_class": d.Class, "device_uid": d.UID, "challenge": challenge,
		"last_used": timestamp(d.LastUsed),
	}
}

// timestamp writes a time as authentik does: with six decimals, or with none if
// they are all zero. The zero time is null.
func timestamp(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case t.Nanosecond() == 0:
		return t.Format(time.RFC3339)
	default:
		return t.Format("2006-01-02T15:04:05.000000Z07:00")
	}
}

// LogValue withholds the answer.
func (a ValidateCodeAnswer) LogValue() slog.Value { return redacted(a) }

// LogValue withholds the answer.
func (a ValidateWebAuthnAnswer) LogValue() slog.Value { return redacted(a) }

// LogValue withholds the answer.
func (a ValidateDuoAnswer) LogValue() slog.Value { return redacted(a) }

// LogValue withholds the answer.
func (a ValidateDeviceAnswer) LogValue() slog.Value { return redacted(a) }

// LogValue withholds the answer.
func (a ValidateStageAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a ValidateCodeAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Format withholds the answer.
func (a ValidateWebAuthnAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Format withholds the answer.
func (a ValidateDuoAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Format withholds the answer.
func (a ValidateDeviceAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Format withholds the answer.
func (a ValidateStageAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
