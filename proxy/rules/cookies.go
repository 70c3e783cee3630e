package rules

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

var cookieName = regexp.MustCompile(`^[-.~_A-Za-z0-9]{1,64}$`)

// taken are the names of authentik's cookies, and of the gate's cookies other
// than the session cookie. Some may be followed by a number, or by the mark of
// an outpost.
var taken = regexp.MustCompile(`^authentik_(session|csrf|device|mfa|visit|browser|relay|arrivals|mailed|user|copy|back[0-9]*|proxy(_.*)?)$`)

// CookieName checks the name of the session cookie, without a prefix.
func CookieName(text string) error {
	switch {
	case !cookieName.MatchString(text):
		return fmt.Errorf("%q cannot be the name of a cookie; write letters, digits, - and _", text)
	case taken.MatchString(text):
		return fmt.Errorf("%s is another cookie of authentik or of the gate; write a name of your own, such as wiki_gate", text)
	case strings.HasPrefix(text, "__"):
		return fmt.Errorf("%q begins like the prefixes that browsers have rules for; leave out __Host- or __Secure-, the gate adds it", text)
	}
	return nil
}

var domainName = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]([-a-z0-9]*[a-z0-9])?$`)

// CookieDomain checks the domain that shares the session cookie. Browsers drop
// a cookie for a public suffix, such as co.uk or duckdns.org, whose subdomains
// belong to different owners: visitors would sign in again and again.
func CookieDomain(text string) error {
	_, err := netip.ParseAddr(text)
	domain := strings.ToLower(text)
	switch {
	case err == nil:
		return fmt.Errorf("%q is an address, and a cookie of an address has no domain; leave domain out", text)
	case strings.HasPrefix(text, "."):
		return fmt.Errorf("%q begins with a dot; write %s", text, strings.TrimLeft(text, "."))
	case !domainName.MatchString(domain):
		return fmt.Errorf("%q is not a domain that can share cookies; write %s", text, cmp.Or(bareDomain(domain), "the name above your hosts, such as example.com"))
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return fmt.Errorf("%q is a public suffix, below which everyone can have a name, and browsers keep no cookie for it; write your own name below it, such as example.%s", text, domain)
	}
	return nil
}

// bareDomain returns the domain in an address or a pattern, in the form that
// cookies have, or an empty text.
func bareDomain(text string) string {
	if _, after, found := strings.Cut(text, "://"); found {
		text = after
	}
	text, _, _ = strings.Cut(text, "/")
	name, err := idna.Lookup.ToASCII(strings.Trim(strings.TrimPrefix(Host(text), "*."), "."))
	if err != nil || !domainName.MatchString(name) {
		return ""
	}
	return name
}

// CookieReach says how a cookie domain relates to the hosts of a site.
type CookieReach int

// The ways in which a domain can relate to a host.
const (
	// Reached means that the host is the domain or lies below it.
	Reached CookieReach = iota
	// PartlyReached means that a wildcard host also matches hosts outside of the
	// domain.
	PartlyReached
	// NotReached means that browsers refuse the cookie from this host.
	NotReached
)

// Reach returns how a cookie domain relates to a host, which may have a port
// and begin with the wildcard "*.".
func Reach(domain, host string) CookieReach {
	domain = strings.ToLower(domain)
	base, wildcard := strings.CutPrefix(Host(host), "*.")
	switch {
	case base == domain || strings.HasSuffix(base, "."+domain):
		return Reached
	case wildcard && strings.HasSuffix(domain, "."+base):
		return PartlyReached
	}
	return NotReached
}

// cookiePath matches the possible paths of a cookie.
var cookiePath = regexp.MustCompile(`^/[!-:<-~]{0,1000}$`)

// AppCookie checks a cookie of the application. session is the name of the
// gate's session cookie. The path and the domain may be empty.
func AppCookie(name, path, domain, gate string) error {
	if name == "" || len(name) > 100 || strings.Trim(name, tokenCharacters) != "" {
		return fmt.Errorf("%q cannot be the name of a cookie; write letters, digits, - and _", name)
	}
	plain := strings.TrimPrefix(strings.TrimPrefix(name, "__Host-"), "__Secure-")
	if strings.HasPrefix(plain, "authentik_") || gate != "" && strings.HasPrefix(plain, gate) {
		return fmt.Errorf("%s is a cookie of the gate or of authentik; write one of the application", name)
	}
	if path != "" && !cookiePath.MatchString(path) {
		return fmt.Errorf("%q is not the path of a cookie; write one such as /app", path)
	}
	if strings.HasPrefix(name, "__Host-") && (domain != "" || path != "" && path != "/") {
		return fmt.Errorf("%s cannot have a domain or another path than /; leave them out", name)
	}
	if domain != "" {
		return CookieDomain(domain)
	}
	return nil
}

// CookiePattern checks a pattern for the names of the application's cookies, in
// which * matches any characters.
func CookiePattern(pattern string) error {
	if strings.Trim(pattern, "*") == "" {
		return fmt.Errorf("%q is not a pattern that selects cookies; write their names, such as sid or app_*", pattern)
	}
	return AppCookie(pattern, "", "", "")
}

const tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~"
