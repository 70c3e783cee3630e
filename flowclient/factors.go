package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// AuthenticatorValidate asks for a second factor, or for the first one in a
// passwordless flow. The answers to it are the members of
// AuthenticatorValidateAnswer.
type AuthenticatorValidate struct {
	Base
	// Devices has at most one device of each class. The order means nothing.
	Devices []DeviceChallenge
	// ConfigurationStages are the kinds of device that a user without devices can set
	// up.
	ConfigurationStages []ConfigurationStage
}

// DeviceChallenge is one of the visitor's devices.
type DeviceChallenge struct {
	// Class is "static", "totp", "webauthn", "duo", "sms" or "email". A newer authentik
	// may have others.
	Class string
	// UID is a number as text. It is "-1" for WebAuthn if any passkey is accepted.
	UID string
	// Challenge is WebAuthn request options, or an object with a masked address.
	Challenge json.RawMessage
	// LastUsed is when the device was last used. It is zero if the device has never
	// been used, or if authentik does not say.
	LastUsed time.Time
}

// ConfigurationStage is a kind of device that the user can set up.
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
		LastUsed:  o.time("last_used"),
	}
}

func decodeConfigurationStage(o object) ConfigurationStage {
	return ConfigurationStage{
		PK: o.text("pk"), Name: o.text("name"),
		VerboseName: o.text("verbose_name"), MetaModelName: o.text("meta_model_name"),
	}
}

// EndpointAgent asks authentik's agent on the visitor's device to identify the
// device.
type EndpointAgent struct {
	Base
	// Challenge is a signed token, valid for five minutes.
	Challenge string
	// ChallengeIdleTimeout is how long to wait for the agent.
	ChallengeIdleTimeout time.Duration
}

// Component returns ComponentEndpointAgent.
func (EndpointAgent) Component() Component { return ComponentEndpointAgent }

func decodeEndpointAgent(o object, b Base) Challenge {
	return EndpointAgent{
		Base: b, Challenge: o.text("challenge"),
		ChallengeIdleTimeout: o.seconds("challenge_idle_timeout"),
	}
}

// EndpointAgentAnswer is the agent's response, or nil if the device has no agent.
type EndpointAgentAnswer struct{ Response *string }

// Component returns ComponentEndpointAgent.
func (EndpointAgentAnswer) Component() Component { return ComponentEndpointAgent }

func (a EndpointAgentAnswer) answer() map[string]any { return map[string]any{"response": a.Response} }

// LogValue withholds the answer.
func (a EndpointAgentAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a EndpointAgentAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }

// Frame asks to show a page of authentik in a frame, for Chrome's device trust.
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

// FrameAnswer says that the page in the frame has finished. authentik does not
// verify it here.
type FrameAnswer struct{}

// Component returns ComponentFrame.
func (FrameAnswer) Component() Component { return ComponentFrame }

func (FrameAnswer) answer() map[string]any { return nil }
