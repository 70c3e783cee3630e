package throttle

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
)

// maxName is the maximum length of an account's name, in bytes. authentik
// allows 150 characters in a username and 254 in an e-mail address.
const maxName = 2 << 10

// canonical returns the name of an account in the form in which authentik
// compares names: without blanks around it, in upper case (Django's iexact),
// and then folded by Unicode's rules, so that names that differ only in case
// are equal. Python treats four control characters as blanks that Go does not.
// A name that no account can have becomes empty: its failures count for the
// address only.
func canonical(name string) string {
	blank := func(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }
	if name = strings.TrimFunc(name, blank); len(name) > maxName {
		return ""
	}
	return cases.Fold().String(strings.ToUpper(name))
}
