package rules

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Host returns the normal form of a host name: lower case, without a port and
// without a dot at its end.
func Host(host string) string {
	if strings.Contains(host, ":") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Authority returns the host and port of a site in the form that browsers use:
// lower case, without a dot at the end of the name and without the scheme's
// default port.
func Authority(scheme, host string) string {
	if !strings.ContainsFunc(host, func(c rune) bool { return 'A' <= c && c <= 'Z' || c == ':' }) && !strings.HasSuffix(host, ".") {
		return host // the form of most requests
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

// hostName matches the name of a host without a port.
var hostName = regexp.MustCompile(`^[-.a-zA-Z0-9]+$`)

// HostName checks the name of a host.
func HostName(text string) error {
	if !hostName.MatchString(text) {
		return fmt.Errorf("%q is not the name of a host; write it without scheme and port, such as auth.example.com", text)
	}
	return nil
}

// pin matches a SHA-256 in hexadecimal digits.
var pin = regexp.MustCompile(`^(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$`)

// Pin checks the hash of a public key.
func Pin(text string) error {
	if !pin.MatchString(text) {
		return fmt.Errorf("%q is not the SHA-256 of a public key; write its 64 hexadecimal digits, as the log line about the certificate shows them", text)
	}
	return nil
}

// siteHost matches the values that a Host header may have.
var siteHost = regexp.MustCompile(`^(?:[-.a-zA-Z0-9]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$`)

// ToldHosts checks the hosts of a site that authentik is told. authentik mails
// links to the host that it is told, so no client may be able to invent one.
func ToldHosts(hosts []string) error {
	const write = "write site https://app.example.com, or list the names of the site in its address"
	if len(hosts) == 0 {
		return errors.New("authentik is told the host of this site, and any client can make one up where the site has no names; " + write)
	}
	var errs []error
	for _, host := range hosts {
		switch {
		case strings.Contains(host, "*"):
			errs = append(errs, fmt.Errorf("authentik is told the host of this site, and any client can make one up that matches %q; %s", host, write))
		case strings.Contains(host, "_"):
			errs = append(errs, fmt.Errorf("authentik is told the host %q, which has an underscore, and answers 404 to every request for it; give the site a name without one", host))
		case !siteHost.MatchString(host):
			errs = append(errs, fmt.Errorf("%q is not a host; write one like app.example.com or app.example.com:8443", host))
		}
	}
	return errors.Join(errs...)
}

// servedHost matches the names of sites that another proxy serves.
var servedHost = regexp.MustCompile(`^(?:(?:\*\.)?[-_a-zA-Z0-9]+(?:\.[-_a-zA-Z0-9]+)*|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$`)

// SiteHost checks the name of a site that another proxy serves, or a pattern for
// such names.
func SiteHost(text string) error {
	if !servedHost.MatchString(text) {
		return fmt.Errorf("%q is not a host or a pattern of hosts; write one like wiki.example.com or *.example.com", text)
	}
	return nil
}

// HostMatches reports whether a pattern matches a host, which may have a port.
// Like in Caddy, a label "*" matches any one label. The port counts only if the
// pattern has one.
func HostMatches(pattern, host string) bool {
	return hostsMatch(pattern, host, func(want, got string) bool { return want == got || want == "*" })
}

// HostsOverlap reports whether two lists of patterns can match the same host.
// An empty list matches every host.
func HostsOverlap(a, b []string) bool {
	overlap := func(one, other string) bool { return one == other || one == "*" || other == "*" }
	for _, pattern := range a {
		if len(b) > 0 && !slices.ContainsFunc(b, func(other string) bool { return hostsMatch(pattern, other, overlap) }) {
			continue
		}
		return true
	}
	return len(a) == 0
}

func hostsMatch(pattern, host string, label func(want, got string) bool) bool {
	if !strings.ContainsAny(pattern, "*:") && !strings.ContainsAny(host, "*:") {
		return Host(pattern) == Host(host)
	}
	_, want, _ := net.SplitHostPort(pattern)
	_, got, _ := net.SplitHostPort(host)
	return (want == "" || got == "" || want == got) &&
		slices.EqualFunc(strings.Split(Host(pattern), "."), strings.Split(Host(host), "."), label)
}

// OriginMatches reports whether a pattern matches the authority of an origin
// with a scheme. Unlike HostMatches it compares ports: a pattern without a port
// means the scheme's default port, since another port may belong to another
// server.
func OriginMatches(scheme, pattern, authority string) bool {
	return sameAuthority(Authority(scheme, pattern), Authority(scheme, authority))
}

func sameAuthority(pattern, authority string) bool {
	_, want, _ := net.SplitHostPort(pattern)
	_, got, _ := net.SplitHostPort(authority)
	return want == got && HostMatches(pattern, authority)
}

// LoginOrigin checks the origin of a login host. Passwords and authentik's
// cookies are sent to it, so it needs HTTPS, except on the loopback interface.
func LoginOrigin(text string) error {
	if err := Origin(strings.TrimSuffix(text, "/")); err != nil {
		return err
	}
	if u, err := url.Parse(text); err != nil || !Secure(u) {
		return fmt.Errorf("%q is not secure: authentik's cookies can be read on the network; write https://", text)
	}
	return nil
}

// Secure reports whether no one on the network can read or change what a
// browser sends to an origin: it has HTTPS, or is on the browser's own machine.
func Secure(u *url.URL) bool {
	name := Host(u.Hostname())
	addr, err := netip.ParseAddr(name)
	local := name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && addr.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// TicketHosts checks the hosts of a site whose visitors sign in at a login
// host. Tickets are sent only to these hosts, so there must be at least one. A
// wildcard would trust every name below it.
func TicketHosts(hosts []string) error {
	const write = "write site https://app.example.com, or list the names of the site in its address"
	if len(hosts) == 0 {
		return errors.New("the login host sends visitors back to this site with a ticket, and any client can invent a host if the site has no names; " + write)
	}
	for _, host := range hosts {
		if name := Host(host); strings.Trim(name, "*.") == "" {
			return fmt.Errorf("the login host sends visitors back to this site with a ticket, and %q stands for every host; %s", host, write)
		}
	}
	return nil
}

// InnerHost reports whether a name belongs only to this machine, its containers or
// its network.
func InnerHost(name string) bool {
	name = Host(name)
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(name, ".") || slices.ContainsFunc(innerDomains, func(domain string) bool { return strings.HasSuffix(name, domain) })
}

// innerDomains are what names end with that no browser outside knows: those of
// machines, containers and Kubernetes.
var innerDomains = []string{".localhost", ".localdomain", ".internal", ".local", ".docker", ".svc"}
