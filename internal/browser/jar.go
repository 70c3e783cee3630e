package browser

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A cookie is one that the browser keeps.
type cookie struct {
	name, value string
	host, path  string
	subdomains  bool // whether it is sent to hosts below host, too
	secure      bool
	sameSite    http.SameSite
	expires     time.Time // zero: when the browser ends
	order       int       // of two cookies, the one that was stored first has the lower
}

// A jar keeps cookies by RFC 6265bis, section 5, without the public suffixes.
type jar struct {
	now func() time.Time

	mu      sync.Mutex
	cookies []cookie
	count   int
}

func newJar(now func() time.Time) *jar { return &jar{now: now} }

func (j *jar) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = nil
}

// take keeps the cookies of an answer that a browser would keep.
func (j *jar) take(from *url.URL, lines []string) {
	for _, line := range lines {
		set, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		if c, ok := accept(from, set, j.now()); ok {
			j.put(c)
		}
	}
}

// accept returns the cookie that a site sets, if a browser would keep it.
func accept(from *url.URL, set *http.Cookie, now time.Time) (cookie, bool) {
	c := cookie{
		name: set.Name, value: set.Value, host: strings.ToLower(from.Hostname()),
		path: set.Path, secure: set.Secure, sameSite: set.SameSite,
	}
	if domain := strings.ToLower(strings.TrimPrefix(set.Domain, ".")); domain != "" {
		if !below(c.host, domain) || !strings.Contains(domain, ".") && domain != c.host {
			return cookie{}, false
		}
		c.subdomains, c.host = !isAddress(domain), domain
	}
	if !strings.HasPrefix(c.path, "/") {
		c.path = from.Path[:max(1, strings.LastIndex(from.Path, "/"))]
	}
	switch {
	case set.MaxAge < 0: // Go's way to say Max-Age=0
		c.expires = now.Add(-time.Second)
	case set.MaxAge > 0:
		c.expires = now.Add(time.Duration(set.MaxAge) * time.Second)
	case !set.Expires.IsZero():
		c.expires = set.Expires
	}
	return c, c.allowed(from, set)
}

// allowed reports whether a cookie has the attributes that its name and its
// other attributes require.
func (c cookie) allowed(from *url.URL, set *http.Cookie) bool {
	prefixed := func(p string) bool { return len(c.name) >= len(p) && strings.EqualFold(c.name[:len(p)], p) }
	switch {
	case c.secure && from.Scheme != "https":
		return false
	case prefixed("__Secure-") && !c.secure:
		return false
	case prefixed("__Host-") && (!c.secure || set.Domain != "" || set.Path != "/"):
		return false
	case c.sameSite == http.SameSiteNoneMode && !c.secure:
		return false
	default:
		return len(c.name)+len(c.value) <= 4096
	}
}

// put stores a cookie instead of one with the same name, host and path. An
// expired one deletes it.
func (j *jar) put(c cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	c.order = j.count
	same := func(o cookie) bool {
		return o.name == c.name && o.host == c.host && o.path == c.path && o.subdomains == c.subdomains
	}
	if i := slices.IndexFunc(j.cookies, same); i >= 0 {
		c.order = j.cookies[i].order
	}
	j.cookies = slices.DeleteFunc(j.cookies, same)
	if c.expires.IsZero() || c.expires.After(j.now()) {
		j.cookies = append(j.cookies, c)
	}
}

// of returns the cookies for a request: longer paths first, then older cookies.
func (j *jar) of(u *url.URL, n navigation) []cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sent []cookie
	for _, c := range j.cookies {
		valid := c.expires.IsZero() || c.expires.After(j.now())
		if valid && c.matches(u) && c.sameSiteAllows(n) {
			sent = append(sent, c)
		}
	}
	slices.SortFunc(sent, func(a, b cookie) int {
		if len(a.path) != len(b.path) {
			return len(b.path) - len(a.path)
		}
		return a.order - b.order
	})
	return sent
}

func (c cookie) matches(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if host != c.host && (!c.subdomains || !below(host, c.host)) {
		return false
	}
	if c.secure && u.Scheme != "https" {
		return false
	}
	path := u.Path
	return path == c.path || strings.HasPrefix(path, c.path) &&
		(strings.HasSuffix(c.path, "/") || path[len(c.path)] == '/')
}

// sameSiteAllows applies SameSite to a page load. A cookie without the attribute
// is Lax, as in Chromium.
func (c cookie) sameSiteAllows(n navigation) bool {
	if n.from == nil || n.site() != "cross-site" {
		return true
	}
	switch c.sameSite {
	case http.SameSiteNoneMode:
		return true
	case http.SameSiteStrictMode:
		return false
	default:
		return n.method == http.MethodGet
	}
}

// below reports whether a host is a domain or one of its subdomains.
func below(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain) && !isAddress(host)
}
