package page

import (
	"encoding/base64"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// readPrompt sends what the fields of the challenge ask for and nothing else.
// Many kinds take a missing key but no blank one, others the other way round.
func readPrompt(c flowclient.Prompt, form Form) (flowclient.Answer, *Mistake) {
	values := map[string]any{}
	both := countPasswords(c) > 1
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
func countPasswords(c flowclient.Prompt) int {
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
	case "separator", "hidden", "static", "text_read_only", "text_area_read_only":
		return nil, false, nil
	case "checkbox":
		return typed != "", true, nil
	case "radio-button-group", "dropdown":
		return readChoice(f, typed)
	case "password":
		return typed, typed != "" || f.Required || both, nil
	case "username", "number", "date", "date-time":
		return readFilled(f, strings.TrimSpace(typed))
	case "text_area":
		return strings.ReplaceAll(typed, "\r\n", "\n"), true, nil
	case "file":
		return readFile(f, form)
	default:
		return typed, true, nil
	}
}

// readFilled reads what authentik takes filled in or not at all. For what is left
// out it takes the initial value, which is not what somebody wants who has
// emptied the field.
func readFilled(f flowclient.Field, typed string) (any, bool, *Mistake) {
	if before := initialValue(f); typed == "" && before != "" && !f.Required {
		return nil, false, mistake(f.Key, "prompt_not_empty", "Value", before)
	}
	return typed, typed != "" || f.Required, nil
}

// readChoice takes only what was offered. To send nothing would let authentik
// choose for the visitor, except where it has nothing to choose either.
func readChoice(f flowclient.Field, typed string) (any, bool, *Mistake) {
	switch {
	case slices.ContainsFunc(f.Choices, func(c flowclient.Choice) bool { return c.Value == typed }):
		return typed, true, nil
	case typed != "" || (f.Required || f.Initial != "") && len(f.Choices) > 0:
		return nil, false, mistake(f.Key, "choose_one")
	default:
		return nil, false, nil
	}
}

// readFile makes a file into an address that holds it, as authentik takes it
// (RFC 2397). One that is missing is authentik's to complain of: it may have it
// from before.
func readFile(f flowclient.Field, form Form) (any, bool, *Mistake) {
	file, ok := form.Files[fieldName(f.Key)]
	switch {
	case file.Limit > 0:
		return nil, false, mistake(f.Key, "file_too_large", "Megabytes", file.Limit>>20)
	case !ok || len(file.Body) == 0:
		return nil, false, nil
	}
	return "data:" + mediaType(file.Type) + ";base64," + base64.StdEncoding.EncodeToString(file.Body), true, nil
}

// mediaTypes are names as they are registered (RFC 6838, 4.2).
var mediaTypes = regexp.MustCompile(`^[a-z0-9][-a-z0-9!#$&^_.+]{0,126}/[a-z0-9][-a-z0-9!#$&^_.+]{0,126}$`)

// mediaType is the type that a browser gives, without parameters: authentik takes
// none, and anything else in this place would end the type in its address.
func mediaType(given string) string {
	kind, _, err := mime.ParseMediaType(given)
	if err != nil || !mediaTypes.MatchString(kind) {
		return "application/octet-stream"
	}
	return kind
}
