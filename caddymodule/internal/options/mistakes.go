package options

import (
	"errors"
	"fmt"
	"strings"
)

// Mistakes are all errors in a configuration.
type Mistakes []error

// Error returns the text of a single mistake as it is, and several on a line
// each.
func (m Mistakes) Error() string {
	if len(m) == 1 {
		return m[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d mistakes", len(m))
	for _, err := range m {
		b.WriteString("\n\t- " + strings.ReplaceAll(err.Error(), "\n", "\n\t  "))
	}
	return b.String()
}

// Unwrap returns the mistakes for errors.Is and errors.As.
func (m Mistakes) Unwrap() []error { return m }

// And returns the mistakes and the mistakes in err, which may be nil.
func (m Mistakes) And(err error) Mistakes {
	if err == nil {
		return m
	}
	if several, ok := errors.AsType[Mistakes](err); ok {
		return append(m, several...)
	}
	return append(m, err)
}

// Err returns the mistakes as an error, or nil if m is empty.
func (m Mistakes) Err() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// In prefixes err with the name of its option. It returns nil for nil.
func In(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}
