package page

import (
	"encoding/base64"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// readPrompt sends only what the fields of the challenge ask for. Some types
// accept a missing value but not an empty one, others the opposite.
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

// countPasswords counts the password fields. If there are two, they must match,
// so both are sent.
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
	if !fillable(f) {
		return nil, false, nil
	}
	switch f.Type {
	case "text_read_only", "text_area_read_only":
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

// readFilled reads a field that authentik accepts filled in or missing, but not
// empty. For a missing field authentik uses the initial value, which a visitor
// who has emptied the field does not want.
func readFilled(f flowclient.Field, typed string) (any, bool, *Mistake) {
	if before := initialValue(f); typed == "" && before != "" && !f.Required {
		return nil, false, mistake(f.Key, "prompt_not_empty", "Value", before)
	}
	return typed, typed != "" || f.Required, nil
}

// readChoice accepts only choices that were offered. Without a value authentik
// would choose for the visitor, unless there is nothing to choose from.
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

// readFile returns a file as a data URL (RFC 2397), as authentik expects it. A
// missing file is left to authentik, which may have one already.
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

// mediaTypes matches registered names (RFC 6838, 4.2).
var mediaTypes = regexp.MustCompile(`^[a-z0-9][-a-z0-9!#$&^_.+]{0,126}/[a-z0-9][-a-z0-9!#$&^_.+]{0,126}$`)

// mediaType returns the browser's type without parameters, which authentik does
// not accept. Other characters could end the type in the data URL.
func mediaType(given string) string {
	kind, _, err := mime.ParseMediaType(given)
	if err != nil || !mediaTypes.MatchString(kind) {
		return "application/octet-stream"
	}
	return kind
}
