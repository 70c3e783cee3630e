package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Answer is a visitor's answer to a challenge. The set is closed, like that of
// challenges.
//
// Answers contain passwords and codes. Logs and formatted text show only the
// component of an answer.
//
//sumtype:decl
type Answer interface {
	// Component is that of the challenge to which this is an answer.
	Component() Component
	// answer returns the fields of the body. Fields without a value are left out:
	// authentik evaluates some fields as soon as they are present.
	answer() map[string]any
}

// body encodes an answer. The component is set last, so that a form field of that
// name cannot turn the form into the answer to another stage.
func body(a Answer) ([]byte, error) {
	if a.Component() == "" {
		return nil, fmt.Errorf("encoding an answer: %w", errNoComponent)
	}
	fields := a.answer()
	if fields == nil {
		fields = map[string]any{}
	}
	fields["component"] = a.Component()
	out, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encoding the answer to %s: %w", a.Component(), errUnencodable)
	}
	return out, nil
}

// redacted and formatRedacted implement LogValue and Format of answers. They are not
// methods of an embedded type, which would show in every literal of an answer.
func redacted(a Answer) slog.Value {
	return slog.StringValue(string(a.Component()) + " " + withheld)
}

func formatRedacted(f fmt.State, a Answer) {
	_, _ = fmt.Fprint(f, redacted(a).String())
}
