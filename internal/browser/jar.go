package browser

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A cookie is one that has been taken.
type cookie struct {
	name, value string
	host, path  string
	whole       bool // good for all hosts below host
	secure      bool
	sameSite    http.SameSite
	until       time.Time // zero: until the browser ends
	stored      int
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

// accept makes a cookie of what a site sets, or refuses it.
func accept(from *url.URL, set *http.Cookie, now time.Time) (cookie, bool) {
	c := cookie{
		name: set.Name, value: set.Value, host: strings.ToLower(from.Hostname()),
		path: set.Path, secure: set.Secure, sameSite: set.SameSite,
	}
	if domain := strings.ToLower(strings.TrimPrefix(set.Domain, ".")); domain != "" {
		if !below(c.host, domain) || !strings.Contains(domain, ".") && domain != c.host {
			return cookie{}, false
		}
		c.whole, c.host = !isAddress(domain), domain
	}
	if !strings.HasPrefix(c.path, "/") {
		c.path = from.Path[:max(1, strings.LastIndex(from.Path, "/"))]
	}
	switch {
	case set.MaxAge < 0: // Go's way to say Max-Age=0
		c.until = now.Add(-time.Second)
	case set.MaxAge > 0:
		c.until = now.Add(time.Duration(set.MaxAge) * time.Second)
	case !set.Expires.IsZero():
		c.until = set.Expires
	}
	return c, c.honest(from, set)
}

// honest holds a cookie to what its name and its attributes promise.
func (c cookie) honest(from *url.URL, set *http.Cookie) bool {
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

// put stores a cookie in the place of one with the same name, host and path.
// One that is over deletes it.
func (j *jar) put(c cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	c.stored = j.count
	same := func(o cookie) bool {
		return o.name == c.name && o.host == c.host && o.path == c.path && o.whole == c.whole
	}
	if i := slices.IndexFunc(j.cookies, same); i >= 0 {
		c.stored = j.cookies[i].stored
	}
	j.cookies = slices.DeleteFunc(j.cookies, same)
	if c.until.IsZero() || c.until.After(j.now()) {
		j.cookies = append(j.cookies, c)
	}
}

// of lists the cookies for a request, those of longer paths first, then the older.
func (j *jar) of(u *url.URL, n navigation) []cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sent []cookie
	for _, c := range j.cookies {
		alive := c.until.IsZero() || c.until.After(j.now())
		if alive && c.belongs(u) && c.travels(n) {
			sent = append(sent, c)
		}
	}
	slices.SortFunc(sent, func(a, b cookie) int {
		if len(a.path) != len(b.path) {
			return len(b.path) - len(a.path)
		}
		return a.stored - b.stored
	})
	return sent
}

func (c cookie) belongs(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if host != c.host && (!c.whole || !below(host, c.host)) {
		return false
	}
	if c.secure && u.Scheme != "https" {
		return false
	}
	path := u.Path
	return path == c.path || strings.HasPrefix(path, c.path) &&
		(strings.HasSuffix(c.path, "/") || path[len(c.path)] == '/')
}

// travels applies SameSite to a page load. A cookie that says nothing is Lax,
// as in Chromium.
func (c cookie) travels(n navigation) bool {
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

// below reports whether a host is a domain or lies below it.
func below(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain) && !isAddress(host)
}
