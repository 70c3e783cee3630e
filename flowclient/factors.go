package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// AuthenticatorValidate asks for a second factor, or in a passwordless flow for
// the first one.
type AuthenticatorValidate struct {
	Base
	// Devices has at most one entry of each class, in an order without meaning.
	Devices []DeviceChallenge
	// ConfigurationStages are what a visitor without devices may set up.
	ConfigurationStages []ConfigurationStage
}

// DeviceChallenge is one of the visitor's devices.
type DeviceChallenge struct {
	// Class is static, totp, webauthn, duo, sms or email; others may come.
	Class string
	// UID is a number in text, -1 for a passkey of nobody in particular.
	UID string
	// Challenge holds WebAuthn request options or a masked address.
	Challenge json.RawMessage
	// LastUsed is a time stamp, nil for never.
	LastUsed *string
}

// ConfigurationStage is a device that can be set up.
type ConfigurationStage struct {
	PK, Name, VerboseName, MetaModelName string
}

// Component returns ComponentAuthenticatorValidate.
func (AuthenticatorValidate) Component() Component { return ComponentAuthenticatorValidate }

func decodeAuthenticatorValidate(o object, b Base) Challenge {
	return AuthenticatorValidate{
		Base:                b,
		Devices:             each(o, "device_challenges", decodeDeviceChallenge),
		ConfigurationStages: each(o, "configuration_stages", decodeConfigurationStage),
	}
}

func decodeDeviceChallenge(o object) DeviceChallenge {
	return DeviceChallenge{
		Class:     o.text("device_class"),
		UID:       o.text("device_uid"),
		Challenge: o.raw("challenge"),
		LastUsed:  o.maybe("last_used"),
	}
}

func decodeConfigurationStage(o object) ConfigurationStage {
	return ConfigurationStage{
		PK: o.text("pk"), Name: o.text("name"),
		VerboseName: o.text("verbose_name"), MetaModelName: o.text("meta_model_name"),
	}
}

// selection is the device as authentik wants to hear it again. It asks for the
// key last_used even where there is nothing to say.
func (d DeviceChallenge) selection() map[string]any {
	challenge := d.Challenge
	if len(challenge) == 0 {
		challenge = json.RawMessage("{}")
	}
	return map[string]any{
		"device_class": d.Class, "device_uid": d.UID, "challenge": challenge, "last_used": d.LastUsed,
	}
}

// AuthenticatorValidateAnswer is exactly one of five things. Where more than one
// is set the first in this order goes, since authentik would drop a code that
// comes with a selection.
type AuthenticatorValidateAnswer struct {
	// Select has the code sent to an SMS or e-mail device. authentik answers with
	// the error "Empty response", which is none.
	Select *DeviceChallenge
	// Stage is the PK of a configuration stage.
	Stage string
	// Duo is the UID of a Duo device. The call returns when its owner has reacted.
	Duo string
	// WebAuthn is the browser's assertion, as PublicKeyCredential.toJSON gives it.
	WebAuthn json.RawMessage
	// Code is tried on all devices that know codes.
	Code string
}

// Component returns ComponentAuthenticatorValidate.
func (AuthenticatorValidateAnswer) Component() Component { return ComponentAuthenticatorValidate }

func (a AuthenticatorValidateAnswer) answer() map[string]any {
	switch {
	case a.Select != nil:
		return map[string]any{"selected_challenge": a.Select.selection()}
	case a.Stage != "":
		return map[string]any{"selected_stage": a.Stage}
	case a.Duo != "":
		return map[string]any{"duo": a.Duo}
	case len(a.WebAuthn) > 0:
		return map[string]any{"webauthn": a.WebAuthn}
	default:
		return map[string]any{"code": a.Code}
	}
}

// pushes reports whether authentik will keep the answer waiting for a person to
// look at a telephone.
func (a AuthenticatorValidateAnswer) pushes() bool {
	return a.Select == nil && a.Stage == "" && a.Duo != ""
}

// LogValue withholds the answer.
func (a AuthenticatorValidateAnswer) LogValue() slog.Value { return veil(a) }

// Format withholds the answer.
func (a AuthenticatorValidateAnswer) Format(f fmt.State, _ rune) { withhold(f, a) }

// EndpointAgent asks the agent on the visitor's device to vouch for it.
type EndpointAgent struct {
	Base
	// Challenge is a signed token, good for five minutes.
	Challenge string
	// ChallengeIdleTimeout is how many seconds to wait for the agent.
	ChallengeIdleTimeout int
}

// Component returns ComponentEndpointAgent.
func (EndpointAgent) Component() Component { return ComponentEndpointAgent }

func decodeEndpointAgent(o object, b Base) Challenge {
	return EndpointAgent{Base: b, Challenge: o.text("challenge"), ChallengeIdleTimeout: o.number("challenge_idle_timeout")}
}

// EndpointAgentAnswer is what the agent said; nil says that there is none.
type EndpointAgentAnswer struct{ Response *string }

// Component returns ComponentEndpointAgent.
func (EndpointAgentAnswer) Component() Component { return ComponentEndpointAgent }

func (a EndpointAgentAnswer) answer() map[string]any { return map[string]any{"response": a.Response} }

// LogValue withholds the answer.
func (a EndpointAgentAnswer) LogValue() slog.Value { return veil(a) }

// Format withholds the answer.
func (a EndpointAgentAnswer) Format(f fmt.State, _ rune) { withhold(f, a) }

// Frame asks for a page of authentik's to be shown in a frame (Chrome's device
// trust).
type Frame struct {
	Base
	URL            string
	LoadingOverlay bool
	LoadingText    string
}

// Component returns ComponentFrame.
func (Frame) Component() Component { return ComponentFrame }

func decodeFrame(o object, b Base) Challenge {
	return Frame{
		Base: b, URL: o.text("url"),
		LoadingOverlay: o.flag("loading_overlay", false), LoadingText: o.text("loading_text"),
	}
}

// FrameAnswer says that the frame is done. authentik takes the visitor's word.
type FrameAnswer struct{}

// Component returns ComponentFrame.
func (FrameAnswer) Component() Component { return ComponentFrame }

func (FrameAnswer) answer() map[string]any { return nil }
