package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// RawAnswer is an answer in authentik's own JSON, for front ends that write it
// and for challenges that are Unknown. Its fields are sent unchanged; in all
// other respects it is treated like the typed answer.
type RawAnswer struct {
	// Name is the component of the challenge that was shown. Do not take it from the
	// front end.
	Name Component
	// Fields is the body. The key "component" in it is ignored.
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

// pushes reports whether the answer requests a push.
func (a RawAnswer) pushes() bool {
	return a.Name == ComponentAuthenticatorValidate && object(a.Fields).has("duo")
}

// LogValue withholds the answer.
func (a RawAnswer) LogValue() slog.Value { return redacted(a) }

// Format withholds the answer.
func (a RawAnswer) Format(f fmt.State, _ rune) { formatRedacted(f, a) }
