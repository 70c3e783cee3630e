package exchange

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// DeepPath is the path, below the prefix, that leads to a long way back after a
// sign-in.
const DeepPath = "/back/"

const (
	// maxCarried is the maximum length of a way back, in bytes, that is carried
	// in addresses and in a cookie. authentik repeats it several times in
	// addresses.
	maxCarried = 1 << 10
	// deepLife is how long a long way back is kept. It is longer than a visit,
	// since a sign-in page may stay open and then begin a new one.
	deepLife = 24 * time.Hour
	// maxPart is the maximum size of the value of one cookie, in bytes.
	// Browsers keep cookies of up to 4 KB.
	maxPart = 3800
	// maxParts is enough for maxBack bytes that cannot be compressed.
	maxParts = 6
)

// Shorten returns a way back that is short enough for addresses and cookies. It
// seals a longer one into cookies that the browser sends only to the returned
// address, so that those of several tabs do not add up. The same way back
// always has the same cookies.
func (x *Exchange) Shorten(back string) string {
	if len(back) <= maxCarried {
		return back
	}
	s := seal.Secret(x.Key.Derive([]byte(back), "v1\x00back", sha256.Size))
	sealed, err := x.Box(seal.KindBack, s).SealText(back)
	if err != nil || len(sealed) > maxPart*maxParts {
		return "/"
	}
	path := DeepPath + s.Cookie()
	for i := 0; sealed != ""; i++ {
		n := min(len(sealed), maxPart)
		x.setCookie(x.deepCookie(i, x.Prefix+path, sealed[:n]))
		sealed = sealed[n:]
	}
	return x.ownAt(path, "")
}

// deepCookie returns the cookie of one part. Because of its path it cannot have
// a prefix other than __Secure-.
func (x *Exchange) deepCookie(part int, path, value string) *http.Cookie {
	c := x.cookie(x.Cookies.back, value) //nolint:gosec // It has all attributes.
	c.Name += strconv.Itoa(part)
	c.Path, c.MaxAge = path, int(deepLife/time.Second)
	return c
}

// shortened reports whether an address has the form that Shorten returns, at
// any gate.
func (x *Exchange) shortened(to string) bool {
	path, query, _ := strings.Cut(to, "?")
	id, ok := strings.CutPrefix(path, x.Prefix+DeepPath)
	_, valid := seal.ParseSecret(id)
	return ok && valid && (query == "" || strings.HasPrefix(query, gateParam+"=") && !strings.Contains(query, "&"))
}

// Lengthen answers the addresses that Shorten returns: it sends the browser to
// the original address, or to the root of the site if the browser does not have
// the cookies any more.
func (x *Exchange) Lengthen() {
	id, _ := strings.CutPrefix(x.At.Asked.Path, x.Prefix+DeepPath)
	s, ok := seal.ParseSecret(id)
	if !ok {
		x.Fail(fault.New(fault.NotFound, nil), "/")
		return
	}
	var sealed strings.Builder
	for i := range maxParts {
		part, ok := x.part(i)
		if !ok {
			break
		}
		sealed.WriteString(part)
	}
	var back string
	if x.Box(seal.KindBack, s).OpenText(sealed.String(), &back) != nil {
		back = "/"
	}
	x.Redirect(x.WayBack(back))
}

// part returns one part of a long way back.
func (x *Exchange) part(i int) (string, bool) {
	for value := range CookieValues(x.Sent, x.Cookies.back.in(x.At.Scheme)+strconv.Itoa(i)) {
		if _, err := base64.RawURLEncoding.DecodeString(value); err == nil && value != "" {
			return value, true
		}
	}
	return "", false
}
