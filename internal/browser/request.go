package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// request returns the request of a navigation, with the headers of browsers.
func (b *Browser) request(ctx context.Context, n navigation) (*http.Request, error) {
	to := *n.to
	to.Fragment, to.RawFragment = "", ""
	req, err := http.NewRequestWithContext(ctx, n.method, to.String(), strings.NewReader(n.form))
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	h := req.Header
	h.Set("User-Agent", b.UserAgent)
	h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	if b.Language != "" {
		h.Set("Accept-Language", b.Language)
	}
	h.Set("Upgrade-Insecure-Requests", "1")
	if n.method == http.MethodPost {
		h.Set("Content-Type", n.kind)
		h.Set("Origin", n.origin())
	}
	if referrer := n.referrer(); referrer != "" {
		h.Set("Referer", referrer)
	}
	if trustworthy(n.to) {
		h.Set("Sec-Fetch-Site", n.site())
		h.Set("Sec-Fetch-Mode", "navigate")
		h.Set("Sec-Fetch-Dest", "document")
		h.Set("Sec-Fetch-User", "?1")
	}
	for _, c := range b.jar.of(n.to, n) {
		h.Set("Cookie", strings.TrimPrefix(h.Get("Cookie")+"; "+c.name+"="+c.value, "; "))
	}
	return req, nil
}

// site is the value of Sec-Fetch-Site: how the page that led here is related to
// the requested one. A redirect by another site makes it cross-site.
func (n navigation) site() string {
	switch {
	case n.from == nil:
		return "none"
	case n.strays || !sameSite(n.from.URL, n.to):
		return "cross-site"
	case origin(n.from.URL) != origin(n.to):
		return "same-site"
	default:
		return "same-origin"
	}
}

// origin is the value of Origin (Fetch, "append a request Origin header"):
// a page that hides its address hides its origin too.
func (n navigation) origin() string {
	from := origin(n.from.URL)
	downgrade := n.from.URL.Scheme == "https" && n.to.Scheme != "https"
	switch n.from.referrerPolicy() {
	case "no-referrer":
		return "null"
	case "same-origin":
		if from != origin(n.to) {
			return "null"
		}
	case "origin", "origin-when-cross-origin", "unsafe-url":
		downgrade = false
	}
	if n.hidden || downgrade {
		return "null"
	}
	return from
}

// referrer is the value of Referer (Referrer Policy, section 8.3).
func (n navigation) referrer() string {
	if n.from == nil {
		return ""
	}
	full, short := *n.from.URL, origin(n.from.URL)+"/"
	full.Fragment, full.RawFragment, full.User = "", "", nil
	same := origin(n.from.URL) == origin(n.to)
	downgrade := n.from.URL.Scheme == "https" && n.to.Scheme != "https"
	policy := n.from.referrerPolicy()
	strict := policy != "origin" && policy != "origin-when-cross-origin" && policy != "unsafe-url"
	switch {
	case policy == "no-referrer", strict && downgrade, policy == "same-origin" && !same:
		return ""
	case policy == "unsafe-url", policy == "no-referrer-when-downgrade":
		return full.String()
	case same && policy != "origin" && policy != "strict-origin":
		return full.String()
	default:
		return short
	}
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// sameSite compares scheme and registrable domain. In tests that is the last two
// labels: they need no list of public suffixes.
func sameSite(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && registrable(a.Hostname()) == registrable(b.Hostname())
}

func registrable(host string) string {
	host = strings.ToLower(host)
	labels := strings.Split(host, ".")
	if isAddress(host) || len(labels) <= 2 {
		return host
	}
	return strings.Join(labels[len(labels)-2:], ".")
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// trustworthy reports whether browsers send Fetch Metadata to an address: over
// HTTPS, and to this machine (Secure Contexts, section 3.1).
func trustworthy(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	addr, err := netip.ParseAddr(host)
	return u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}
