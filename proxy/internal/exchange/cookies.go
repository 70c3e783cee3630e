package exchange

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// MaxTried is how many cookies of one name are tried. A sibling host or the
// application itself may have planted cookies of the same name, which the
// browser sends before the gate's. For one host, browsers keep 50 to 180
// cookies of all names.
const MaxTried = 64

// Cookies are the names of a gate's cookies, and the attributes with which
// browsers keep them. Over plain HTTP the names have no prefix, since browsers
// would refuse it.
type Cookies struct {
	domain     string
	persistent bool
	lifetime   time.Duration

	session  cookieName
	visit    cookieName
	browser  cookieName
	relay    cookieName
	arrivals cookieName
	mailed   cookieName
	user     cookieName
	back     cookieName // followed by the number of its part
	copied   cookieName // only at a login host
	all      []string   // all names above: cookies that never reach the application
	// Family has the gates of the process. It may be nil.
	Family *Family
	// BeforeAuthentik says that the application is authentik itself, which gets
	// its own cookies.
	BeforeAuthentik bool
}

// A cookieName is the name of a cookie, with and without a prefix.
type cookieName struct{ plain, secure string }

// in returns the name for a scheme.
func (n cookieName) in(scheme string) string {
	if scheme == "https" {
		return n.secure
	}
	return n.plain
}

// CookieOptions say how browsers keep the session.
type CookieOptions struct {
	Name       string // without a prefix
	Domain     string // empty: the host of each request
	Persistent bool
	Lifetime   time.Duration
	// WonBy is the flow or client with which sessions begin. It marks the name
	// of the session cookie, so that two gates on one host do not overwrite
	// each other's cookie.
	WonBy string
}

// NewCookies names the cookies of a gate.
func NewCookies(o CookieOptions) Cookies {
	c := Cookies{domain: o.Domain, persistent: o.Persistent, lifetime: o.Lifetime}
	name, scope := o.Name, "__Host-"
	if o.WonBy != "" {
		name += "_" + mark(o.WonBy)
	}
	if o.Domain != "" {
		scope = "__Secure-"
	}
	c.session = cookieName{plain: name, secure: scope + name}
	c.visit = cookieName{plain: "authentik_visit", secure: "__Host-authentik_visit"}
	c.browser = cookieName{plain: "authentik_browser", secure: "__Host-authentik_browser"}
	c.relay = cookieName{plain: "authentik_relay", secure: "__Host-authentik_relay"}
	c.arrivals = cookieName{plain: "authentik_arrivals", secure: "__Host-authentik_arrivals"}
	c.mailed = cookieName{plain: "authentik_mailed", secure: "__Host-authentik_mailed"}
	c.user = cookieName{plain: "authentik_user", secure: "__Host-authentik_user"}
	c.back = cookieName{plain: "authentik_back", secure: "__Secure-authentik_back"}
	c.copied = cookieName{plain: "authentik_copy", secure: "__Host-authentik_copy"}
	for _, n := range []cookieName{c.session, c.visit, c.browser, c.relay, c.arrivals, c.mailed, c.user, c.copied} {
		c.all = append(c.all, n.plain, n.secure)
	}
	return c
}

// markLength is the length of the mark in a session cookie's name.
const markLength = 6

// mark returns six letters for the flow or client with which sessions begin.
func mark(of string) string {
	sum := sha256.Sum256([]byte(of))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:markLength])
}

// SetSession gives the browser its session. If the visitor stays signed in, the
// cookie lasts until a time, and otherwise until the browser closes.
func (x *Exchange) SetSession(s seal.Secret, stay time.Time) {
	c := x.cookie(x.Cookies.session, s.Cookie())
	c.Domain = x.Cookies.domain
	if x.Cookies.persistent {
		c.MaxAge = int(x.Cookies.lifetime / time.Second)
	}
	if left := int(stay.Sub(x.Now()) / time.Second); left > c.MaxAge {
		c.MaxAge = left
	}
	x.setCookie(c)
}

// ExpireSession removes the session's cookie from the browser.
func (x *Exchange) ExpireSession() {
	c := x.cookie(x.Cookies.session, "")
	c.Domain = x.Cookies.domain
	c.MaxAge = -1
	x.setCookie(c)
}

// ExpireUnreadable removes a session cookie from the browser that no gate can
// have written. A well-formed cookie without a session stays: when the response
// arrives, another tab may have replaced it with a valid one.
func (x *Exchange) ExpireUnreadable() {
	for value := range x.sessionCookies() {
		if _, ok := seal.ParseSecret(value); !ok {
			x.ExpireSession()
			return
		}
	}
}

// SentSession reports whether the request has a session cookie, valid or not.
func (x *Exchange) SentSession() bool {
	for value := range x.sessionCookies() {
		if value != "" {
			return true
		}
	}
	return false
}

// Visits returns the secrets of the browser's visits. The first is the one that
// EnsureVisit returns. The others were planted by another host, or were first
// when a visit was sealed.
func (x *Exchange) Visits() []seal.Secret {
	return secrets(x.Sent, x.Cookies.visit.in(x.At.Scheme))
}

// EnsureVisit returns the secret of the browser's visits. A browser without one
// gets a new secret. Over plain HTTP the secret may be from a planted cookie that
// the browser sends to this path only, so it is set again for all paths.
func (x *Exchange) EnsureVisit() seal.Secret {
	all := x.Visits()
	if len(all) == 0 {
		return x.RenewVisit()
	}
	if x.At.Scheme != "https" {
		x.setCookie(x.cookie(x.Cookies.visit, all[0].Cookie()))
	}
	return all[0]
}

// OpenVisit decodes into v a value that was sealed for one of the browser's
// visits.
func (x *Exchange) OpenVisit(kind seal.Kind, sealed string, v any) error {
	for _, s := range x.Visits() {
		if x.Box(kind, s).OpenText(sealed, v) == nil {
			return nil
		}
	}
	return seal.ErrSealed
}

// RenewVisit gives the browser a new secret for its visits. Pages that were
// drawn before then no longer work.
func (x *Exchange) RenewVisit() seal.Secret {
	s := seal.NewSecret()
	x.setCookie(x.cookie(x.Cookies.visit, s.Cookie()))
	return s
}

// Browser returns the secret that seals authentik's device cookies.
func (x *Exchange) Browser() (seal.Secret, bool) {
	return lastSecret(x.Sent, x.Cookies.browser.in(x.At.Scheme))
}

// BrowserLife is the lifetime of the browser's cookie.
const BrowserLife = 365 * 24 * time.Hour

// SetBrowser gives the browser the secret that seals authentik's device
// cookies.
func (x *Exchange) SetBrowser(s seal.Secret) {
	c := x.cookie(x.Cookies.browser, s.Cookie())
	c.MaxAge = int(BrowserLife / time.Second)
	x.setCookie(c)
}

// Relays returns the sealed visits to authentik's own interface that the
// browser sent, the last one first, as in secrets.
func (x *Exchange) Relays() []string {
	all := slices.Collect(cookieValues(x.Sent, x.Cookies.relay.in(x.At.Scheme)))
	slices.Reverse(all)
	return all[:min(len(all), maxSecrets)]
}

// SetRelay gives the browser the sealed visit to authentik's own interface.
func (x *Exchange) SetRelay(sealed string) {
	x.setCookie(x.cookie(x.Cookies.relay, sealed))
}

// mailedLife is how long the gate remembers the way back of a visit in which
// authentik has sent a mail. Links in mails expire sooner.
const mailedLife = 24 * time.Hour

// Mailed yields the values that SetMailed gave the browser.
func (x *Exchange) Mailed() func(yield func(string) bool) {
	return CookieValues(x.Sent, x.Cookies.mailed.in(x.At.Scheme))
}

// SetMailed stores the sealed way back of a visit in the browser, for a link in
// a mail.
func (x *Exchange) SetMailed(sealed string) {
	c := x.cookie(x.Cookies.mailed, sealed)
	c.MaxAge = int(mailedLife / time.Second)
	x.setCookie(c)
}

// ExpireRelay removes the visit to authentik's own interface from the browser.
func (x *Exchange) ExpireRelay() {
	c := x.cookie(x.Cookies.relay, "")
	c.MaxAge = -1
	x.setCookie(c)
}

// cookie returns a cookie with the attributes that all cookies of the gate
// have: no script can read it, and forms of other sites do not send it.
func (x *Exchange) cookie(name cookieName, value string) *http.Cookie {
	return &http.Cookie{
		Name: name.in(x.At.Scheme), Value: value, Path: "/",
		Secure: x.At.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (x *Exchange) setCookie(c *http.Cookie) { http.SetCookie(x.W, c) }

// maxSecrets is how many secrets of one name are tried. Only planted cookies
// for all paths are sent after the gate's own. A browser keeps few of those:
// one for each domain above the host, and for each partition.
const maxSecrets = 8

// secrets returns the secrets in the cookies with a name, the last one first.
// The gate's own cookies are for all paths, and browsers send cookies for
// longer paths first (RFC 6265, 5.4). So cookies that were planted for a longer
// path are before them.
func secrets(lines []string, name string) (all []seal.Secret) {
	for value := range cookieValues(lines, name) {
		if s, ok := seal.ParseSecret(value); ok {
			all = append(all, s)
		}
	}
	slices.Reverse(all)
	return all[:min(len(all), maxSecrets)]
}

func lastSecret(lines []string, name string) (seal.Secret, bool) {
	if all := secrets(lines, name); len(all) > 0 {
		return all[0], true
	}
	return seal.Secret{}, false
}

// CookieValues yields the values of the cookies with a name, at most MaxTried.
func CookieValues(lines []string, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		left := MaxTried
		for value := range cookieValues(lines, name) {
			if left--; left < 0 || !yield(value) {
				return
			}
		}
	}
}

// cookieValues yields the values of the cookies with a name. It reads the header
// as net/http does, without allocating: it runs for every request.
func cookieValues(lines []string, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for pair := range strings.SplitSeq(line, ";") {
				key, value, _ := strings.Cut(textproto.TrimString(pair), "=")
				if key == name && !yield(value) {
					return
				}
			}
		}
	}
}
