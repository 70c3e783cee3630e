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

// Cookies are what authentik set, by name. They are kept whatever their
// attributes say: authentik marks them Secure when it is told that the visitor
// came by https, also where the client itself reaches it by http, and a browser's
// rules would then lose the session.
//
// Those of proxies in front of authentik are kept as well, since they may say
// which server holds the session.
type Cookies map[string]string

const (
	sessionCookie = "authentik_session"
	csrfCookie    = "authentik_csrf"

	maxCookies     = 32
	maxCookieBytes = 8 << 10
)

// LogValue names the cookies and withholds their values.
func (c Cookies) LogValue() slog.Value { return slog.StringValue(c.names()) }

// Format names the cookies and withholds their values.
func (c Cookies) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.names()) }

func (c Cookies) names() string {
	return "cookies " + strings.Join(slices.Sorted(maps.Keys(c)), ", ") + " " + withheld
}

// after returns the cookies as they are once a response has been heard. The
// receiver stays as it is: it belongs to the caller.
func (c Cookies) after(h http.Header, now time.Time) Cookies {
	out := maps.Clone(c)
	if out == nil {
		out = Cookies{}
	}
	for _, line := range h.Values("Set-Cookie") {
		k, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
		case over(k, now):
			delete(out, k.Name)
		default:
			out.keep(k)
		}
	}
	return out
}

// over reports whether a cookie is set in order to be forgotten. Max-Age wins over
// Expires (RFC 6265, section 5.3).
func over(k *http.Cookie, now time.Time) bool {
	if k.MaxAge != 0 {
		return k.MaxAge < 0
	}
	return k.Value == "" || !k.Expires.IsZero() && !k.Expires.After(now)
}

// keep adds a cookie unless that is more than a visit can carry. authentik's own
// go before others.
func (c Cookies) keep(k *http.Cookie) {
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

// send puts the cookies into a request, in the order of their names.
func (c Cookies) send(r *http.Request) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		r.AddCookie(&http.Cookie{Name: name, Value: c[name]}) //nolint:gosec // Attributes are a server's to set; a client sends none.
	}
}

// Own returns authentik's own cookies, without those of proxies in front of it.
func (c Cookies) Own() Cookies {
	own := Cookies{}
	for name, value := range c {
		if strings.HasPrefix(name, "authentik_") {
			own[name] = value
		}
	}
	return own
}

// ticket is what a session cookie says of itself. Nobody has checked its
// signature, so it may steer what the client asks, and never who is let in.
type ticket struct {
	SID           string `json:"sid"`
	Authenticated bool   `json:"authenticated"`
}

// ticket reads the session cookie; ok is false where there is none or it is not in
// the form authentik gives it.
func (c Cookies) ticket() (t ticket, ok bool) {
	parts := strings.Split(c[sessionCookie], ".")
	if len(parts) != 3 {
		return ticket{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(payload, &t) != nil || t.SID == "" {
		return ticket{}, false
	}
	return t, true
}

// Session returns the identifier of the session that the cookies belong to as authentik's tokens and logout
// notices have it (sid): the SHA-256 of its key, in hexadecimal digits; ok is false where there is none. Nobody has
// checked that it is authentik's: it may name what is to end, and never who is let in.
func (c Cookies) Session() (sid string, ok bool) {
	t, ok := c.ticket()
	if !ok {
		return "", false
	}
	sum := sha256.Sum256([]byte(t.SID))
	return hex.EncodeToString(sum[:]), true
}

// forgot reports whether authentik answered these cookies with a session that is
// not theirs: it had none, or no longer. A sign-in and a sign-out change the
// session as well, and are none of that.
func (c Cookies) forgot(after Cookies, posted bool) bool {
	got, ok := after.ticket()
	if !ok || got.Authenticated {
		return false
	}
	sent, known := c.ticket()
	if !known {
		return posted || c[sessionCookie] != ""
	}
	return !sent.Authenticated && sent.SID != got.SID
}

// without returns the cookies but for one.
func (c Cookies) without(name string) Cookies {
	out := maps.Clone(c)
	delete(out, name)
	return out
}
