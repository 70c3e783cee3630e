package flowclient

import (
	"fmt"
	"log/slog"
	"maps"
)

// SourceApple is a sign-in with Apple. No answer is sent to it.
type SourceApple struct {
	Base
	ClientID    string
	Scope       string
	RedirectURI string
	// State belongs to the visitor's session. Every GET makes a new one.
	State string
}

// Component returns ComponentSourceApple.
func (SourceApple) Component() Component { return ComponentSourceApple }

func decodeSourceApple(o object, b Base) Challenge {
	return SourceApple{
		Base: b, ClientID: o.text("client_id"), Scope: o.text("scope"),
		RedirectURI: o.text("redirect_uri"), State: o.text("state"),
	}
}

// SourcePlex is a sign-in with Plex. No answer is sent to it; see Client.RedeemPlex.
type SourcePlex struct {
	Base
	ClientID string
	// Slug is the name of the source in authentik's addresses.
	Slug string
}

// Component returns ComponentSourcePlex.
func (SourcePlex) Component() Component { return ComponentSourcePlex }

func decodeSourcePlex(o object, b Base) Challenge {
	return SourcePlex{Base: b, ClientID: o.text("client_id"), Slug: o.text("slug")}
}

// SourceTelegram is a sign-in with Telegram's widget.
type SourceTelegram struct {
	Base
	BotUsername          string
	RequestMessageAccess bool
}

// Component returns ComponentSourceTelegram.
func (SourceTelegram) Component() Component { return ComponentSourceTelegram }

func decodeSourceTelegram(o object, b Base) Challenge {
	return SourceTelegram{
		Base: b, BotUsername: o.text("bot_username"),
		RequestMessageAccess: o.flag("request_message_access", false),
	}
}

// SourceTelegramAnswer has all values that the widget returned. authentik verifies
// their signature, so none may be added or left out.
type SourceTelegramAnswer struct{ Values map[string]any }

// Component returns ComponentSourceTelegram.
func (SourceTelegramAnswer) Component() Component { return ComponentSourceTelegram }

func (a SourceTelegramAnswer) answer() map[string]any { return maps.Clone(a.Values) }

// LogValue withholds the answer.
func (a SourceTelegramAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a SourceTelegramAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
