package proxy

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// maxTried is how many cookies of one name are tried: a parent domain may have
// planted one of the same name beside ours.
const maxTried = 4

// A jar knows the gate's cookies: their names, and how browsers are to keep
// them. Over plain HTTP the names have no prefix, since browsers would refuse
// it there.
type jar struct {
	domain     string
	persistent bool
	lifetime   time.Duration

	session  cookieName
	visit    cookieName
	browser  cookieName
	relay    cookieName
	arrivals cookieName
	stripes  []string // every name above, to be kept from the application
}

// A cookieName is one name in both spellings.
type cookieName struct{ plain, secure string }

// in returns the spelling for a scheme.
func (n cookieName) in(scheme string) string {
	if scheme == "https" {
		return n.secure
	}
	return n.plain
}

// newJar names the cookies. Where a gate has a flow or a client of its own, the
// session's name carries a mark of it, so that two gates on one host do not
// overwrite each other's.
func newJar(cfg Config) jar {
	j := jar{domain: cfg.Cookie.Domain, persistent: cfg.Cookie.Persistent, lifetime: cfg.Lifetime}
	name, scope := cfg.Cookie.Name, "__Host-"
	if by := cfg.wonBy(); by != "" {
		name += "_" + mark(by)
	}
	if cfg.Cookie.Domain != "" {
		scope = "__Secure-"
	}
	j.session = cookieName{plain: name, secure: scope + name}
	j.visit = cookieName{plain: "authentik_visit", secure: "__Host-authentik_visit"}
	j.browser = cookieName{plain: "authentik_browser", secure: "__Host-authentik_browser"}
	j.relay = cookieName{plain: "authentik_relay", secure: "__Host-authentik_relay"}
	j.arrivals = cookieName{plain: "authentik_arrivals", secure: "__Host-authentik_arrivals"}
	for _, n := range []cookieName{j.session, j.visit, j.browser, j.relay, j.arrivals} {
		j.stripes = append(j.stripes, n.plain, n.secure)
	}
	return j
}

// mark makes six letters that stand for what a session was won by.
func mark(of string) string {
	sum := sha256.Sum256([]byte(of))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:6])
}

// setSession gives the browser its session.
func (j jar) setSession(w http.ResponseWriter, at Resolved, s seal.Secret) {
	c := j.cookie(j.session.in(at.Scheme), s.Cookie(), at)
	c.Domain = j.domain
	if j.persistent {
		c.MaxAge = int(j.lifetime / time.Second)
	}
	http.SetCookie(w, c)
}

// endSession takes the session from the browser.
func (j jar) endSession(w http.ResponseWriter, at Resolved) {
	c := j.cookie(j.session.in(at.Scheme), "", at)
	c.Domain = j.domain
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// setVisit gives the browser the secret that its visits are sealed with.
func (j jar) setVisit(w http.ResponseWriter, at Resolved, s seal.Secret) {
	http.SetCookie(w, j.cookie(j.visit.in(at.Scheme), s.Cookie(), at))
}

// setBrowser lets the browser be known again for a year.
func (j jar) setBrowser(w http.ResponseWriter, at Resolved, s seal.Secret) {
	c := j.cookie(j.browser.in(at.Scheme), s.Cookie(), at)
	c.MaxAge = int(browserLife / time.Second)
	http.SetCookie(w, c)
}

// setRelay gives the browser the visit that authentik's own interface shows, sealed.
func (j jar) setRelay(w http.ResponseWriter, at Resolved, sealed string) {
	http.SetCookie(w, j.cookie(j.relay.in(at.Scheme), sealed, at))
}

// endRelay takes it from the browser.
func (j jar) endRelay(w http.ResponseWriter, at Resolved) {
	c := j.cookie(j.relay.in(at.Scheme), "", at)
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// setArrivals has the browser count. Without any it forgets them.
func (j jar) setArrivals(w http.ResponseWriter, at Resolved, a arrivals) {
	c := j.cookie(j.arrivals.in(at.Scheme), a.String(), at)
	c.MaxAge = int(arrivalsKept / time.Second)
	if len(a) == 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie is what all of ours have in common: no script reads them, and no
// other site's form sends them.
func (j jar) cookie(name, value string, at Resolved) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/",
		Secure: at.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// visitOf finds the secret of the browser's visits.
func (j jar) visitOf(r *http.Request, at Resolved) (seal.Secret, bool) {
	return firstSecret(r, j.visit.in(at.Scheme))
}

// visitFor is the same where a visit begins: a browser that has none is given one.
func (j jar) visitFor(w http.ResponseWriter, r *http.Request, at Resolved) seal.Secret {
	s, ok := j.visitOf(r, at)
	if !ok {
		s = seal.NewSecret()
		j.setVisit(w, at, s)
	}
	return s
}

// browserOf finds the secret by which the browser is known again.
func (j jar) browserOf(r *http.Request, at Resolved) (seal.Secret, bool) {
	return firstSecret(r, j.browser.in(at.Scheme))
}

// arrivalsOf reads the browser's arrivals.
func (j jar) arrivalsOf(r *http.Request, at Resolved, now time.Time) arrivals {
	for value := range cookieValues(r.Header["Cookie"], j.arrivals.in(at.Scheme)) {
		if a, ok := parseArrivals(value, now); ok {
			return a
		}
	}
	return nil
}

// sentSession reports whether a request has a session cookie, whatever is in it.
func (j jar) sentSession(r *http.Request, at Resolved) bool {
	for value := range cookieValues(r.Header["Cookie"], j.session.in(at.Scheme)) {
		if value != "" {
			return true
		}
	}
	return false
}

func firstSecret(r *http.Request, name string) (seal.Secret, bool) {
	for value := range cookieValues(r.Header["Cookie"], name) {
		if s, ok := seal.ParseSecret(value); ok {
			return s, true
		}
	}
	return seal.Secret{}, false
}

// cookieValues yields the values of the cookies called name, at most maxTried. It reads
// the header as net/http does, without making anything: it runs for every request.
func cookieValues(lines []string, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		left := maxTried
		for _, line := range lines {
			for pair := range strings.SplitSeq(line, ";") {
				key, value, _ := strings.Cut(textproto.TrimString(pair), "=")
				if key != name {
					continue
				}
				if left--; left < 0 || !yield(value) {
					return
				}
			}
		}
	}
}

// strip takes the gate's cookies out of a request that goes to the
// application, and leaves the others as the browser wrote them.
func (j jar) strip(h http.Header) {
	lines := h["Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		if line = j.without(line); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

// without returns the line without the gate's cookies, and the line itself where it has none.
func (j jar) without(line string) string {
	if !j.mentions(line) {
		return line
	}
	var kept strings.Builder
	kept.Grow(len(line))
	for pair := range strings.SplitSeq(line, ";") {
		pair = textproto.TrimString(pair)
		if pair == "" || j.owns(pair) {
			continue
		}
		if kept.Len() > 0 {
			kept.WriteString("; ")
		}
		kept.WriteString(pair)
	}
	return kept.String()
}

func (j jar) mentions(line string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		if j.owns(pair) {
			return true
		}
	}
	return false
}

// owns reports whether a name and its value are a cookie of the gate.
func (j jar) owns(pair string) bool {
	key, _, _ := strings.Cut(pair, "=")
	key = textproto.TrimString(key)
	for _, name := range j.stripes {
		if key == name {
			return true
		}
	}
	return false
}
