package page

import (
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// readPrompt sends what the fields of the challenge ask for and nothing else.
// Many kinds take a missing key but no blank one, others the other way round.
func readPrompt(c flowclient.Prompt, form Form) (flowclient.Answer, *Mistake) {
	values := map[string]any{}
	both := passwords(c) > 1
	for _, f := range c.Fields {
		v, send, wrong := readField(f, form, both)
		if wrong != nil {
			return nil, wrong
		}
		if send {
			values[f.Key] = v
		}
	}
	return flowclient.PromptAnswer{Values: values}, nil
}

// passwords counts the password fields: two must match, and are wanted both.
func passwords(c flowclient.Prompt) int {
	n := 0
	for _, f := range c.Fields {
		if f.Type == "password" {
			n++
		}
	}
	return n
}

// readField returns the value of a field, and whether to send it.
func readField(f flowclient.Field, form Form, both bool) (value any, send bool, wrong *Mistake) {
	typed := form.Get(fieldName(f.Key))
	switch f.Type {
	case "separator", "hidden", "static", "file", "text_read_only", "text_area_read_only":
		return nil, false, nil
	case "checkbox":
		return typed != "", true, nil
	case "radio-button-group", "dropdown":
		return readChoice(f, typed)
	case "password":
		return typed, typed != "" || f.Required || both, nil
	case "username", "number", "date", "date-time":
		typed = strings.TrimSpace(typed)
		return typed, typed != "" || f.Required, nil
	case "text_area":
		return strings.ReplaceAll(typed, "\r\n", "\n"), true, nil
	default:
		return typed, true, nil
	}
}

// readChoice takes only what was offered. To send nothing would let authentik
// choose for the visitor.
func readChoice(f flowclient.Field, typed string) (any, bool, *Mistake) {
	switch {
	case slices.ContainsFunc(f.Choices, func(c flowclient.Choice) bool { return c.Value == typed }):
		return typed, true, nil
	case typed != "" || f.Required && len(f.Choices) > 0:
		return nil, false, mistake(f.Key, "choose_one")
	default:
		return nil, false, nil
	}
}
