package rules

import (
	"net"
	"strings"
)

// Host returns a host name in the one spelling that all of its spellings have
// in common: lower case, without port and without the dot at its end.
func Host(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
