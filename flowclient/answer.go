package flowclient

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Answer is what a visitor replies to a challenge. The set is closed, as that of
// challenges is.
//
// Answers hold passwords and codes. None of them can be seen in a log or in
// formatted text.
//
//sumtype:decl
type Answer interface {
	// Component names the challenge that is answered.
	Component() Component
	// answer returns the fields of the body. It leaves out what was not given:
	// authentik looks at some fields as soon as they are there.
	answer() map[string]any
}

// body is the answer as authentik wants it. The component goes in last, so that
// a form field of that name cannot pose as another stage's answer.
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

// veil and withhold are what the LogValue and Format of an answer are made of. No
// type is embedded for it, so that literals of answers stay plain.
func redacted(a Answer) slog.Value {
	return slog.StringValue(string(a.Component()) + " " + withheld)
}

func formatRedacted(f fmt.State, a Answer) {
	_, _ = fmt.Fprint(f, redacted(a).String())
}
