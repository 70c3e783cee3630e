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

// authentiks reports whether a cookie of this name is one of authentik's own.
func authentiks(name string) bool {
	switch strings.TrimPrefix(strings.TrimPrefix(name, "__Host-"), "__Secure-") {
	case "authentik_session", "authentik_csrf", "authentik_device", "authentik_mfa":
		return true
	}
	return false
}

// outposts reports whether a name is that of a session cookie of authentik's outposts.
// Many have a domain, so that browsers send it to every host below: with it, an
// application could get past an outpost.
func outposts(name string) bool {
	rest, ok := strings.CutPrefix(name, "authentik_proxy")
	return ok && (rest == "" || rest[0] == '_')
}

// Authentiks returns the cookies of authentik that the browser sends to a login
// host, byte for byte, and the number of sessions among them. Another host
// below the same domain can plant a session, so there can be several, and the
// gate must not guess which one counts.
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

// StripDisguised removes cookies from a request that some servers would read as
// authentik's session although this gate does not. Their name has another
// spelling, or their value contains the name and could be split. Other hosts
// below the same domain can plant such cookies.
func (x *Exchange) StripDisguised() {
	lines := slices.Clone(x.R.Header["Cookie"])
	for i, line := range lines {
		lines[i] = withoutPairs(line, disguised)
	}
	if len(lines) > 0 {
		x.R.Header["Cookie"] = lines
	}
}

// plainName are the characters in names that all servers read alike.
const plainName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// disguised reports whether a cookie is one that StripDisguised removes.
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

// maxEnded is how many sessions are ended separately.
const maxEnded = 4

// EachAuthentik returns the cookies of authentik once for each session among
// them, without the other sessions.
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

// plainValue reports whether all servers read a cookie's value alike (RFC 6265,
// 4.1.1, without quotes).
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

// csrfLife is the lifetime of authentik's cookie against forged requests.
const csrfLife = 365 * 24 * time.Hour

// SetAuthentiks gives the browser cookies of authentik, with the attributes
// that authentik itself sets. The session lasts until a time, or until the
// browser closes. Scripts of authentik read the other cookies. The session is
// SameSite=None, since frames of authentik in applications need it.
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

// ExpireAuthentiks removes authentik's session from the browser. It also
// removes cookies of that name that other hosts below the same domains may have
// planted, as far as this host can: a cookie is removed by its name, domain,
// path and partition.
func (x *Exchange) ExpireAuthentiks(paths ...string) {
	_, sessions := x.Authentiks()
	c := x.cookie(x.Cookies.copied, "") //nolint:gosec // It has all attributes.
	c.MaxAge = -1
	x.setCookie(c)
	x.expirePlanted(sessions > 1, append([]string{"/"}, paths...)...)
}

// ExpireNarrower removes cookies with the name of authentik's session whose
// path is not the root. authentik sets none, but other hosts below the same
// domains can plant them.
func (x *Exchange) ExpireNarrower(paths ...string) { x.expirePlanted(true, paths...) }

// expirePlanted removes cookies with the name of authentik's session for each
// path, and for each domain that they may have.
func (x *Exchange) expirePlanted(partitioned bool, paths ...string) {
	for _, domain := range append([]string{""}, domainsAbove(x.At.Host)...) {
		for _, path := range paths {
			c := x.cookie(cookieName{}, "") //nolint:gosec // It has all attributes.
			c.Name, c.Path, c.Domain, c.MaxAge = flowclient.SessionCookie, path, domain, -1
			x.setCookie(c)
			if c.Secure && partitioned { // browsers keep a partitioned cookie beside the other, and remove each separately
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
