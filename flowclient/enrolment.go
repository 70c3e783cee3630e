package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// AuthenticatorTOTP sets up an authenticator app.
type AuthenticatorTOTP struct {
	Base
	// ConfigURL is the otpauth: address, which contains the secret. Do not let another
	// service draw its QR code.
	ConfigURL string
}

// Component returns ComponentAuthenticatorTOTP.
func (AuthenticatorTOTP) Component() Component { return ComponentAuthenticatorTOTP }

func decodeAuthenticatorTOTP(o object, b Base) Challenge {
	return AuthenticatorTOTP{Base: b, ConfigURL: o.text("config_url")}
}

// AuthenticatorTOTPAnswer is a code that the app shows. It is text, because a number
// would lose leading zeros.
type AuthenticatorTOTPAnswer struct{ Code string }

// Component returns ComponentAuthenticatorTOTP.
func (AuthenticatorTOTPAnswer) Component() Component { return ComponentAuthenticatorTOTP }

func (a AuthenticatorTOTPAnswer) answer() map[string]any { return map[string]any{"code": a.Code} }

// LogValue withholds the answer.
func (a AuthenticatorTOTPAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a AuthenticatorTOTPAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// AuthenticatorStatic shows recovery codes. They are valid after the answer.
type AuthenticatorStatic struct {
	Base
	Codes []string
}

// Component returns ComponentAuthenticatorStatic.
func (AuthenticatorStatic) Component() Component { return ComponentAuthenticatorStatic }

func decodeAuthenticatorStatic(o object, b Base) Challenge {
	return AuthenticatorStatic{Base: b, Codes: o.texts("codes")}
}

// AuthenticatorStaticAnswer confirms that the visitor has saved the codes.
type AuthenticatorStaticAnswer struct{}

// Component returns ComponentAuthenticatorStatic.
func (AuthenticatorStaticAnswer) Component() Component { return ComponentAuthenticatorStatic }

func (AuthenticatorStaticAnswer) answer() map[string]any { return nil }

// AuthenticatorSMS sets up a telephone number: it asks for the number, then for the
// code that was sent to it. After a number that authentik accepts, Errors is empty
// but not nil.
type AuthenticatorSMS struct {
	Base
	// PhoneNumberRequired is false once authentik has a number, even one that it
	// refused. The visitor may enter another one at any time.
	PhoneNumberRequired bool
}

// Component returns ComponentAuthenticatorSMS.
func (AuthenticatorSMS) Component() Component { return ComponentAuthenticatorSMS }

func decodeAuthenticatorSMS(o object, b Base) Challenge {
	return AuthenticatorSMS{Base: b, PhoneNumberRequired: o.flag("phone_number_required", true)}
}

// AuthenticatorSMSAnswer is a number or a code. If both are set, the number is sent.
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

// AuthenticatorEmail sets up an e-mail address: it asks for the address, then for
// the code that was sent to it. After an address that authentik accepts, Errors is
// empty but not nil.
type AuthenticatorEmail struct {
	Base
	// Email is the masked address, once authentik has one.
	Email string
	// EmailRequired is false once authentik has an address.
	EmailRequired bool
}

// Component returns ComponentAuthenticatorEmail.
func (AuthenticatorEmail) Component() Component { return ComponentAuthenticatorEmail }

func decodeAuthenticatorEmail(o object, b Base) Challenge {
	return AuthenticatorEmail{Base: b, Email: o.text("email"), EmailRequired: o.flag("email_required", true)}
}

// AuthenticatorEmailAnswer is an address or a code. If both are set, the address is
// sent. After a malformed address every answer fails until a valid one is sent.
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

// AuthenticatorDuo sets up a Duo device. Client.DuoEnrolment returns how far the
// visitor is.
type AuthenticatorDuo struct {
	Base
	// ActivationBarcode is the address of a QR code at Duo.
	ActivationBarcode string
	// ActivationCode is a link to open on the device that has the Duo app.
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

// AuthenticatorDuoAnswer says that the device is set up. authentik asks Duo, and
// denies access if it is not.
type AuthenticatorDuoAnswer struct{}

// Component returns ComponentAuthenticatorDuo.
func (AuthenticatorDuoAnswer) Component() Component { return ComponentAuthenticatorDuo }

func (AuthenticatorDuoAnswer) answer() map[string]any { return nil }

// AuthenticatorWebAuthn registers a passkey or security key.
type AuthenticatorWebAuthn struct {
	Base
	// Registration is WebAuthn creation options in JSON.
	Registration json.RawMessage
}

// Component returns ComponentAuthenticatorWebAuthn.
func (AuthenticatorWebAuthn) Component() Component { return ComponentAuthenticatorWebAuthn }

func decodeAuthenticatorWebAuthn(o object, b Base) Challenge {
	return AuthenticatorWebAuthn{Base: b, Registration: o.raw("registration")}
}

// AuthenticatorWebAuthnAnswer is the browser's credential as
// PublicKeyCredential.toJSON returns it.
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
