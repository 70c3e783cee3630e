package flowclient

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Cookies are the cookies that authentik has set, by name. Their attributes are
// ignored. authentik marks them Secure if the visitor uses https, even if the
// client itself reaches authentik by http; by the rules of browsers the session
// would then be lost.
//
// The cookies of proxies in front of authentik are kept too, because they may
// say which server has the session.
type Cookies map[string]string

// SessionCookie is the name of the cookie that has authentik's session.
const SessionCookie = "authentik_session"

const (
	sessionCookie = SessionCookie
	csrfCookie    = "authentik_csrf"

	// maxCookies and maxCookieBytes bound the cookies of a visit. authentik
	// sets four cookies of less than 2 kB, and servers accept headers of 8 kB.
	maxCookies     = 32
	maxCookieBytes = 8 << 10
)

// LogValue shows the names of the cookies and not their values.
func (c Cookies) LogValue() slog.Value { return slog.StringValue(c.names()) }

// Format writes the names of the cookies and not their values.
func (c Cookies) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.names()) }

func (c Cookies) names() string {
	return "cookies " + strings.Join(slices.Sorted(maps.Keys(c)), ", ") + " " + withheld
}

// After returns the cookies after a response. It does not change the receiver,
// which belongs to the caller.
func (c Cookies) After(h http.Header, now time.Time) Cookies {
	out := maps.Clone(c)
	if out == nil {
		out = Cookies{}
	}
	for _, line := range h.Values("Set-Cookie") {
		k, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
		case expired(k, now):
			delete(out, k.Name)
		default:
			out.add(k)
		}
	}
	return out
}

// sessionUntil returns the expiry of the session cookie that a response sets.
// It is zero if the response sets none, or one that ends with the browser.
func sessionUntil(h http.Header, now time.Time) (until time.Time) {
	for _, line := range h.Values("Set-Cookie") {
		k, err := http.ParseSetCookie(line)
		if err != nil || k.Name != sessionCookie || expired(k, now) {
			continue
		}
		until = k.Expires
		if k.MaxAge > 0 {
			until = now.Add(time.Duration(k.MaxAge) * time.Second)
		}
	}
	return until
}

// expired reports whether a response sets a cookie in order to delete it.
// Max-Age has precedence over Expires (RFC 6265, section 5.3).
func expired(k *http.Cookie, now time.Time) bool {
	if k.MaxAge != 0 {
		return k.MaxAge < 0
	}
	return k.Value == "" || !k.Expires.IsZero() && !k.Expires.After(now)
}

// add adds a cookie, unless there are too many then. Cookies of authentik
// displace others.
func (c Cookies) add(k *http.Cookie) {
	old, had := c[k.Name]
	c[k.Name] = k.Value
	for c.tooMany() && strings.HasPrefix(k.Name, "authentik_") && c.dropForeign() {
	}
	if !c.tooMany() {
		return
	}
	delete(c, k.Name)
	if had {
		c[k.Name] = old
	}
}

func (c Cookies) tooMany() bool {
	n := 0
	for name, value := range c {
		n += len(name) + len(value)
	}
	return len(c) > maxCookies || n > maxCookieBytes
}

func (c Cookies) dropForeign() bool {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if !strings.HasPrefix(name, "authentik_") {
			delete(c, name)
			return true
		}
	}
	return false
}

// send adds the cookies to a request, sorted by name.
func (c Cookies) send(r *http.Request) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		r.AddCookie(&http.Cookie{Name: name, Value: c[name]}) //nolint:gosec // Clients send no attributes.
	}
}

// Own returns the cookies of authentik itself, without those of proxies in front of
// it.
func (c Cookies) Own() Cookies {
	own := Cookies{}
	for name, value := range c {
		if strings.HasPrefix(name, "authentik_") {
			own[name] = value
		}
	}
	return own
}

// sessionClaims are the claims in the session cookie. Its signature has not
// been verified, so they may decide what the client asks, but not who is
// admitted.
type sessionClaims struct {
	SID           string `json:"sid"`
	Sub           string `json:"sub"` // the user
	Authenticated bool   `json:"authenticated"`
}

// claims reads the session cookie. If it is missing or is not a token of authentik,
// ok is false.
func (c Cookies) claims() (t sessionClaims, ok bool) {
	parts := strings.Split(c[sessionCookie], ".")
	if len(parts) != 3 {
		return sessionClaims{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(payload, &t) != nil || t.SID == "" {
		return sessionClaims{}, false
	}
	return t, true
}

// Session returns the identifier of authentik's session as it is in the sid
// claim of authentik's tokens and logout notices: the SHA-256 of the session's
// key in hexadecimal digits. If the cookies have no session, ok is false. The
// cookie has not been verified, so the identifier may decide which session
// ends, but not who is admitted.
func (c Cookies) Session() (sid string, ok bool) {
	t, ok := c.claims()
	if !ok {
		return "", false
	}
	sum := sha256.Sum256([]byte(t.SID))
	return hex.EncodeToString(sum[:]), true
}

// Authenticated reports whether the session cookie says that a user is signed
// in. The cookie has not been verified, so this may decide what is shown, but
// not who is admitted.
func (c Cookies) Authenticated() bool {
	t, _ := c.claims()
	return t.Authenticated
}

// replaced reports whether authentik answered these cookies with a new session,
// because it had no session for them, or no longer had it. A sign-in and a
// sign-out also change the session, but do not count.
func (c Cookies) replaced(after Cookies, posted bool) bool {
	got, ok := after.claims()
	if !ok || got.Authenticated {
		return false
	}
	sent, known := c.claims()
	if !known {
		return posted || c[sessionCookie] != ""
	}
	return !sent.Authenticated && sent.SID != got.SID
}

// without returns the cookies without one.
func (c Cookies) without(name string) Cookies {
	out := maps.Clone(c)
	delete(out, name)
	return out
}
