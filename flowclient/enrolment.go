package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// AuthenticatorTOTP has an authenticator app set up.
type AuthenticatorTOTP struct {
	Base
	// ConfigURL is the otpauth: address with the secret. It must not leave the
	// visitor's page: no foreign service may draw its QR code.
	ConfigURL string
}

// Component returns ComponentAuthenticatorTOTP.
func (AuthenticatorTOTP) Component() Component { return ComponentAuthenticatorTOTP }

func decodeAuthenticatorTOTP(o object, b Base) Challenge {
	return AuthenticatorTOTP{Base: b, ConfigURL: o.text("config_url")}
}

// AuthenticatorTOTPAnswer is a code the app shows. It travels as text in all
// releases: numbers would lose their leading zeros.
type AuthenticatorTOTPAnswer struct{ Code string }

// Component returns ComponentAuthenticatorTOTP.
func (AuthenticatorTOTPAnswer) Component() Component { return ComponentAuthenticatorTOTP }

func (a AuthenticatorTOTPAnswer) answer() map[string]any { return map[string]any{"code": a.Code} }

// LogValue withholds the answer.
func (a AuthenticatorTOTPAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a AuthenticatorTOTPAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// AuthenticatorStatic shows recovery codes. They hold from the answer on.
type AuthenticatorStatic struct {
	Base
	Codes []string
}

// Component returns ComponentAuthenticatorStatic.
func (AuthenticatorStatic) Component() Component { return ComponentAuthenticatorStatic }

func decodeAuthenticatorStatic(o object, b Base) Challenge {
	return AuthenticatorStatic{Base: b, Codes: o.texts("codes")}
}

// AuthenticatorStaticAnswer says that the codes have been taken down.
type AuthenticatorStaticAnswer struct{}

// Component returns ComponentAuthenticatorStatic.
func (AuthenticatorStaticAnswer) Component() Component { return ComponentAuthenticatorStatic }

func (AuthenticatorStaticAnswer) answer() map[string]any { return nil }

// AuthenticatorSMS has a telephone number set up: first the number, then the code
// sent to it. An accepted number is answered with empty Errors.
type AuthenticatorSMS struct {
	Base
	// PhoneNumberRequired is false once authentik has a number, also a refused
	// one; another may be given at any time.
	PhoneNumberRequired bool
}

// Component returns ComponentAuthenticatorSMS.
func (AuthenticatorSMS) Component() Component { return ComponentAuthenticatorSMS }

func decodeAuthenticatorSMS(o object, b Base) Challenge {
	return AuthenticatorSMS{Base: b, PhoneNumberRequired: o.flag("phone_number_required", true)}
}

// AuthenticatorSMSAnswer is a number or a code; where both are set the number
// goes.
type AuthenticatorSMSAnswer struct{ PhoneNumber, Code string }

// Component returns ComponentAuthenticatorSMS.
func (AuthenticatorSMSAnswer) Component() Component { return ComponentAuthenticatorSMS }

func (a AuthenticatorSMSAnswer) answer() map[string]any {
	if a.PhoneNumber != "" {
		return map[string]any{"phone_number": a.PhoneNumber}
	}
	return map[string]any{"code": a.Code}
}

// LogValue withholds the answer.
func (a AuthenticatorSMSAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a AuthenticatorSMSAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// AuthenticatorEmail has an e-mail address set up: first the address, then the
// code sent to it. An accepted address is answered with empty Errors.
type AuthenticatorEmail struct {
	Base
	// Email is the address, masked, once authentik has one.
	Email         string
	EmailRequired bool
}

// Component returns ComponentAuthenticatorEmail.
func (AuthenticatorEmail) Component() Component { return ComponentAuthenticatorEmail }

func decodeAuthenticatorEmail(o object, b Base) Challenge {
	return AuthenticatorEmail{Base: b, Email: o.text("email"), EmailRequired: o.flag("email_required", true)}
}

// AuthenticatorEmailAnswer is an address or a code; where both are set the
// address goes. A malformed address breaks the stage until a good one is sent.
type AuthenticatorEmailAnswer struct{ Email, Code string }

// Component returns ComponentAuthenticatorEmail.
func (AuthenticatorEmailAnswer) Component() Component { return ComponentAuthenticatorEmail }

func (a AuthenticatorEmailAnswer) answer() map[string]any {
	if a.Email != "" {
		return map[string]any{"email": a.Email}
	}
	return map[string]any{"code": a.Code}
}

// LogValue withholds the answer.
func (a AuthenticatorEmailAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a AuthenticatorEmailAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// AuthenticatorDuo has Duo set up.
type AuthenticatorDuo struct {
	Base
	// ActivationBarcode is the address of a QR code at Duo.
	ActivationBarcode string
	// ActivationCode is a link for the device that has the app.
	ActivationCode string
	// StageUUID is for Client.DuoEnrolment.
	StageUUID string
}

// Component returns ComponentAuthenticatorDuo.
func (AuthenticatorDuo) Component() Component { return ComponentAuthenticatorDuo }

func decodeAuthenticatorDuo(o object, b Base) Challenge {
	return AuthenticatorDuo{
		Base: b, ActivationBarcode: o.text("activation_barcode"),
		ActivationCode: o.text("activation_code"), StageUUID: o.text("stage_uuid"),
	}
}

// AuthenticatorDuoAnswer says that the device is enrolled. authentik asks Duo, and
// denies access if it is not.
type AuthenticatorDuoAnswer struct{}

// Component returns ComponentAuthenticatorDuo.
func (AuthenticatorDuoAnswer) Component() Component { return ComponentAuthenticatorDuo }

func (AuthenticatorDuoAnswer) answer() map[string]any { return nil }

// AuthenticatorWebAuthn has a passkey or security key registered.
type AuthenticatorWebAuthn struct {
	Base
	// Registration holds WebAuthn creation options in their JSON form.
	Registration json.RawMessage
}

// Component returns ComponentAuthenticatorWebAuthn.
func (AuthenticatorWebAuthn) Component() Component { return ComponentAuthenticatorWebAuthn }

func decodeAuthenticatorWebAuthn(o object, b Base) Challenge {
	return AuthenticatorWebAuthn{Base: b, Registration: o.raw("registration")}
}

// AuthenticatorWebAuthnAnswer is the browser's credential, as
// PublicKeyCredential.toJSON gives it.
type AuthenticatorWebAuthnAnswer struct{ Response json.RawMessage }

// Component returns ComponentAuthenticatorWebAuthn.
func (AuthenticatorWebAuthnAnswer) Component() Component { return ComponentAuthenticatorWebAuthn }

func (a AuthenticatorWebAuthnAnswer) answer() map[string]any {
	if len(a.Response) == 0 {
		return nil
	}
	return map[string]any{"response": a.Response}
}

// LogValue withholds the answer.
func (a AuthenticatorWebAuthnAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a AuthenticatorWebAuthnAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
