package options

import (
	"errors"
	"regexp"
	"strings"
)

// A Setting is an option with one value.
type Setting struct {
	// Name is the option's name in a Caddyfile, after its block and a space if
	// it is in one.
	Name string
	// Value points to the value. An empty value means that the option is not
	// given.
	Value *string
	// Check returns the mistake in a value without placeholders.
	Check func(string) error
	// Example is a line of a Caddyfile to follow.
	Example string
}

// Expand replaces the placeholders in the value and checks the result. It does
// nothing if the option is not given.
func (s Setting) Expand() error {
	if *s.Value == "" {
		return nil
	}
	if err := Expand(s.Value); err != nil {
		if s.secret() && strings.Contains(lastingPlaceholder.ReplaceAllString(*s.Value, ""), "{") {
			// The error would quote a part of the secret.
			return errors.New(`it has braces around what is no placeholder; write \{ for {, or put it in a file and write {file.<path>}`)
		}
		return err
	}
	return s.Check(*s.Value)
}

// lastingPlaceholder matches placeholders that are the same for every request.
var lastingPlaceholder = regexp.MustCompile(`\{(env|file)\.[^{}]*\}`)

// secret reports whether errors must not quote the value.
func (s Setting) secret() bool {
	word := s.Name[strings.LastIndexAny(s.Name, " _")+1:]
	return word == "secret" || word == "password" || word == "key"
}
