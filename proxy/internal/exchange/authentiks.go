package exchange

import (
	"maps"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// authentiks reports whether a name is one of authentik's own cookies.
func authentiks(name string) bool {
	switch strings.TrimPrefix(strings.TrimPrefix(name, "__Host-"), "__Secure-") {
	case "authentik_session", "authentik_csrf", "authentik_device", "authentik_mfa":
		return true
	}
	return false
}

// Authentiks returns the cookies of authentik that the browser sends to a login
// host, byte for byte, and how many sessions are among them: other hosts below
// the same domain can plant a session, and the gate must not guess which of
// several counts.
func (x *Exchange) Authentiks() (cookies flowclient.Cookies, sessions int) {
	cookies = flowclient.Cookies{}
	for _, line := range x.Sent {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(textproto.TrimString(pair), "=")
			if !strings.HasPrefix(name, "authentik_") || x.Cookies.owns(name, value) {
				continue
			}
			if name == flowclient.SessionCookie {
				sessions++
			}
			if plainValue(value) {
				cookies[name] = value
			}
		}
	}
	return cookies, sessions
}

// StripDisguised removes cookies from a request that some server could read as
// authentik's session, and that this gate does not read so: with another spelling of
// the name, or with the name in a value that could be taken apart. Other hosts below
// the same domain can plant them.
func (x *Exchange) StripDisguised() {
	lines := slices.Clone(x.R.Header["Cookie"])
	for i, line := range lines {
		lines[i] = withoutPairs(line, disguised)
	}
	if len(lines) > 0 {
		x.R.Header["Cookie"] = lines
	}
}

// plainName are the characters of a name that every server reads as it is.
const plainName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// disguised reports whether a name and its value are such a cookie.
func disguised(pair string) bool {
	name, value, _ := strings.Cut(pair, "=")
	switch {
	case name == flowclient.SessionCookie, !strings.Contains(strings.ToLower(pair), flowclient.SessionCookie):
		return false
	case strings.EqualFold(name, flowclient.SessionCookie):
		return true
	}
	return strings.Trim(name, plainName) != "" || !plainValue(value)
}

// maxEnded is how many sessions are handled separately.
const maxEnded = 4

// EachAuthentik returns the cookies of authentik once for each session among them,
// with that session only.
func (x *Exchange) EachAuthentik() (all []flowclient.Cookies) {
	cookies, _ := x.Authentiks()
	for value := range CookieValues(x.Sent, flowclient.SessionCookie) {
		if len(all) < maxEnded && plainValue(value) && value != "" {
			one := maps.Clone(cookies)
			one[flowclient.SessionCookie] = value
			all = append(all, one)
		}
	}
	return all
}

// plainValue reports whether every server reads a cookie's value in the same way
// (RFC 6265, 4.1.1, without quotes).
func plainValue(value string) bool {
	return !strings.ContainsFunc(value, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`",;\\`, c)
	})
}

// Copied returns the secret of the copy of authentik's cookies on which the
// sessions of this browser rest.
func (x *Exchange) Copied() (seal.Secret, bool) {
	return lastSecret(x.Sent, x.Cookies.copied.in(x.At.Scheme))
}

// SetCopied gives the browser the secret of such a copy.
func (x *Exchange) SetCopied(s seal.Secret) {
	x.setCookie(x.cookie(x.Cookies.copied, s.Cookie()))
}

// csrfLife is how long authentik's cookie against forged requests lasts.
const csrfLife = 365 * 24 * time.Hour

// SetAuthentiks gives the browser cookies of authentik, as authentik itself
// would: the session until a time, or until the browser closes. Authentik's
// scripts read the others. The session cookie is SameSite=None, as frames of
// authentik in applications need it.
func (x *Exchange) SetAuthentiks(cookies flowclient.Cookies, until time.Time, path string) {
	for _, name := range slices.Sorted(maps.Keys(cookies)) {
		if !authentiks(name) || !plainValue(cookies[name]) {
			continue
		}
		c := x.cookie(cookieName{}, cookies[name]) //nolint:gosec // It has the attributes that authentik gives it.
		c.Name, c.Path = name, path
		switch name {
		case flowclient.SessionCookie:
			c.Expires = until
			if c.Secure {
				c.SameSite = http.SameSiteNoneMode
			}
		default:
			c.HttpOnly, c.MaxAge = false, int(csrfLife/time.Second)
		}
		x.setCookie(c)
	}
}

// ExpireAuthentiks removes authentik's session from the browser, and cookies of
// that name that other hosts below the same domains may have planted, as far as
// this host can: a cookie is removed by its name, its domain, its path and its
// partition.
func (x *Exchange) ExpireAuthentiks(paths ...string) {
	_, sessions := x.Authentiks()
	c := x.cookie(x.Cookies.copied, "") //nolint:gosec // It has all attributes.
	c.MaxAge = -1
	x.setCookie(c)
	x.expirePlanted(sessions > 1, append([]string{"/"}, paths...)...)
}

// ExpireNarrower removes cookies of the name of authentik's session from the browser
// that are for some paths only. authentik sets none, but other hosts below the same
// domains can plant them.
func (x *Exchange) ExpireNarrower(paths ...string) { x.expirePlanted(true, paths...) }

// expirePlanted removes cookies of the name of authentik's session from the browser, on
// each path, and for each domain that they may have.
func (x *Exchange) expirePlanted(partitioned bool, paths ...string) {
	for _, domain := range append([]string{""}, domainsAbove(x.At.Host)...) {
		for _, path := range paths {
			c := x.cookie(cookieName{}, "") //nolint:gosec // It has all attributes.
			c.Name, c.Path, c.Domain, c.MaxAge = flowclient.SessionCookie, path, domain, -1
			x.setCookie(c)
			if c.Secure && partitioned { // browsers keep it beside the other, and remove each by itself
				c.Partitioned = true
				x.setCookie(c)
			}
		}
	}
}

// domainsAbove returns a host and the domains above it that cookies may have.
func domainsAbove(host string) (all []string) {
	name := rules.Host(host)
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return nil
	}
	for strings.Contains(name, ".") {
		all = append(all, name)
		_, name, _ = strings.Cut(name, ".")
	}
	return all
}
