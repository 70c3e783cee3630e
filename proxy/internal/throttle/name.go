package throttle

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
)

// maxName is the longest name that can be one of an account, in bytes. authentik
// allows 150 characters in a username and 254 in an e-mail address.
const maxName = 2 << 10

// canonical spells the name of an account as authentik compares it: without
// blanks around it, in upper case (Django's iexact), and then folded by
// Unicode's rules, so that names that differ only in case are equal. Python
// treats four control characters as blanks that Go does not. A name that no
// account can have is empty: its failures count for the address only.
func canonical(name string) string {
	blank := func(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }
	if name = strings.TrimFunc(name, blank); len(name) > maxName {
		return ""
	}
	return cases.Fold().String(strings.ToUpper(name))
}
