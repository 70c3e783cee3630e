package options

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// HasPlaceholder reports whether a value has a placeholder, so that it may be
// unknown before Caddy starts.
func HasPlaceholder(value string) bool { return strings.Contains(value, "{") }

// Expand replaces the placeholders in a value. An unknown or empty placeholder
// is a mistake: a secret that was not found must not become an empty one.
func Expand(value *string) error {
	text, err := caddy.NewReplacer().ReplaceOrErr(*value, true, true)
	if err != nil {
		return fmt.Errorf("%w; set it, or write the value itself", err)
	}
	*value = text
	return nil
}

// ExpandAll is Expand for an option with several values.
func ExpandAll(option string, values []string) (wrong Mistakes) {
	for i := range values {
		wrong = wrong.And(In(option, Expand(&values[i])))
	}
	return wrong
}

// ExpandLasting replaces the placeholders that are the same for every request
// and keeps the others. It escapes braces in the values that it inserts, since
// they are not placeholders.
func ExpandLasting(text string) (string, error) {
	if !strings.Contains(text, "{") {
		return text, nil
	}
	var empty string
	lasting := caddy.NewEmptyReplacer()
	lasting.Map(func(key string) (any, bool) {
		if !strings.HasPrefix(key, "env.") && !strings.HasPrefix(key, "file.") {
			return nil, false
		}
		value, _ := caddy.NewReplacer().GetString(key)
		if value == "" {
			empty = key
		}
		return braces.Replace(value), true
	})
	text = lasting.ReplaceKnown(text, "")
	if empty != "" {
		return "", fmt.Errorf("evaluated placeholder {%s} is empty; set it, or write the value itself", empty)
	}
	return text, nil
}

var braces = strings.NewReplacer(`{`, `\{`, `}`, `\}`)
