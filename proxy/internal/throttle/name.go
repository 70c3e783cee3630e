package throttle

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
)

// canonical spells the name of an account as authentik compares it: without
// blanks around it, in upper case (Django's iexact), and then in the one spelling
// that Unicode gives to all that differs only in case. Python takes four control
// characters for blanks that Go does not.
func canonical(name string) string {
	blank := func(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }
	return cases.Fold().String(strings.ToUpper(strings.TrimFunc(name, blank)))
}
