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

// Authority returns the host and port of a site in the one spelling that
// browsers use in addresses: lower case, without a dot at the end of the name
// and without the port that the scheme has anyway.
func Authority(scheme, host string) string {
	if !strings.ContainsFunc(host, func(c rune) bool { return 'A' <= c && c <= 'Z' || c == ':' }) && !strings.HasSuffix(host, ".") {
		return host // as most requests have it
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return strings.ToLower(strings.TrimSuffix(host, "."))
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if port != "" && port != defaultPorts[scheme] {
		return net.JoinHostPort(name, port)
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}
