package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// OneOf returns a check that a value is one of a few words.
func OneOf(words ...string) func(string) error {
	return func(text string) error {
		if slices.Contains(words, text) {
			return nil
		}
		return fmt.Errorf("%q is not known; write one of %s%s", text, strings.Join(words, ", "), rules.Suggest(text, words))
	}
}

// AtLeast returns a check for a duration. The error for a duration below least
// says that it is too short, and shows example.
func AtLeast(least time.Duration, short, example string) func(string) error {
	return func(text string) error {
		d, err := caddy.ParseDuration(text)
		switch {
		case err != nil:
			return fmt.Errorf("%q is not a duration; write for example 90m, 24h or 7d", text)
		case d < least:
			return fmt.Errorf("%q is %s; write for example %s", text, short, example)
		}
		return nil
	}
}

// Text checks a line of plain text.
func Text(text string) error {
	if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, isControl) {
		return errors.New("this text is blank or has control characters; write a line of plain text")
	}
	return nil
}

// Secret checks a secret. Its errors do not quote it.
func Secret(text string) error {
	if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, isControl) {
		return errors.New("it is blank or has control characters; a file with a secret in it should have no second line")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
