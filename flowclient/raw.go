package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// RawAnswer is an answer as a page of somebody's own has written it, for front
// ends that speak authentik's JSON and for challenges that are Unknown here. It is
// sent as it is and otherwise treated like the answer of its component.
type RawAnswer struct {
	// Name is the component that is answered. Callers take it from the challenge
	// that was shown, not from the page.
	Name Component
	// Fields is the body. A component in it does not count.
	Fields map[string]json.RawMessage
}

// Component returns Name.
func (a RawAnswer) Component() Component { return a.Name }

func (a RawAnswer) answer() map[string]any {
	m := make(map[string]any, len(a.Fields))
	for key, value := range a.Fields {
		if key != "component" {
			m[key] = value
		}
	}
	return m
}

// pushes reports whether a push to a telephone is among what is asked for.
func (a RawAnswer) pushes() bool {
	return a.Name == ComponentAuthenticatorValidate && object(a.Fields).has("duo")
}

// LogValue withholds the answer.
func (a RawAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a RawAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
