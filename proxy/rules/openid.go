package rules

import (
	"fmt"
	"regexp"
	"slices"
)

// clientID matches client identifiers of RFC 6749, A.1, up to the length that
// authentik keeps. Blanks at the ends are refused, since they are usually
// copying mistakes.
var clientID = regexp.MustCompile(`^[!-~]([ -~]{0,253}[!-~])?$`)

// ClientID checks the identifier of a client of OpenID Connect.
func ClientID(text string) error {
	if !clientID.MatchString(text) {
		return fmt.Errorf("%q is not a client id; write what authentik's provider shows as Client ID", text)
	}
	return nil
}

// scopeToken matches a scope (RFC 6749, 3.3).
var scopeToken = regexp.MustCompile(`^[!#-\[\]-~]+$`)

// Scopes checks the scopes that the gate requests from authentik.
func Scopes(scopes []string) (wrong []error) {
	for i, scope := range scopes {
		switch {
		case !scopeToken.MatchString(scope):
			wrong = append(wrong, fmt.Errorf(`%q is not a scope; write scopes with blanks between them, each without blanks, " and \`, scope))
		case slices.Contains(scopes[:i], scope):
			wrong = append(wrong, fmt.Errorf("%s is given twice; keep one of them", scope))
		}
	}
	return wrong
}
