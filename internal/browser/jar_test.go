package browser_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// after sets cookies at one address and lists the names sent to another.
func after(t testing.TB, at, to string, cookies ...string) string {
	t.Helper()
	s := newSite()
	var header []string
	for _, c := range cookies {
		header = append(header, "Set-Cookie", c)
	}
	s.page("/", "", header...)
	b := browser.New(transport{s})
	open(t, b, at)
	values, err := b.Cookies(to)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, name+"="+values[name])
	}
	return strings.Join(pairs, " ")
}

func TestCookie_IsSentWhereItBelongs(t *testing.T) {
	t.Parallel()
	const here = "https://a.example.com/x/y"
	for name, c := range map[string]struct{ set, at, to, want string }{
		"to an address without a path":       {"c=1; Path=/", here, "https://a.example.com", "c=1"},
		"to the same host":                   {"c=1", here, "https://a.example.com/x/z", "c=1"},
		"not to the host above":              {"c=1; Path=/", here, "https://example.com/", ""},
		"not to a host beside it":            {"c=1; Path=/", here, "https://b.example.com/", ""},
		"with a domain to all below it":      {"c=1; Path=/; Domain=example.com", here, "https://b.example.com/", "c=1"},
		"never for a domain of others":       {"c=1; Path=/; Domain=example.org", here, "https://example.org/", ""},
		"never for a domain below":           {"c=1; Path=/; Domain=b.a.example.com", here, "https://b.a.example.com/", ""},
		"never for a whole top-level domain": {"c=1; Path=/; Domain=com", here, "https://a.example.com/", ""},
		"not below another path":             {"c=1", here, "https://a.example.com/xx/z", ""},
		"a path covers what lies below":      {"c=1; Path=/x", here, "https://a.example.com/x/y/z", "c=1"},
		"a path is no mere beginning":        {"c=1; Path=/x", here, "https://a.example.com/xy", ""},
		"Secure is kept from plain HTTP":     {"c=1; Path=/; Secure", here, "http://a.example.com/", ""},
		"Secure cannot be set by plain HTTP": {"c=1; Path=/; Secure", "http://a.example.com/", here, ""},
		"__Host- as it must be":              {"__Host-c=1; Path=/; Secure", here, here, "__Host-c=1"},
		"__Host- needs Secure":               {"__Host-c=1; Path=/", here, here, ""},
		"__Host- needs the path /":           {"__Host-c=1; Secure", here, here, ""},
		"__Host- has no domain":              {"__Host-c=1; Path=/; Secure; Domain=a.example.com", here, here, ""},
		"__Host- in any case":                {"__hOsT-c=1; Path=/", here, here, ""},
		"__Secure- needs Secure":             {"__Secure-c=1; Path=/", here, here, ""},
		"__Secure- may have a domain":        {"__Secure-c=1; Path=/; Secure; Domain=example.com", here, here, "__Secure-c=1"},
		"SameSite=None needs Secure":         {"c=1; Path=/; SameSite=None", here, here, ""},
		"Max-Age=0 is not kept":              {"c=1; Path=/; Max-Age=0", here, here, ""},
		"an expired one is not kept":         {"c=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", here, here, ""},
		"Max-Age counts more than Expires":   {"c=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", here, here, "c=1"},
		"an address has no hosts below it":   {"c=1; Path=/; Domain=127.0.0.1", "http://127.0.0.1/", "http://1.127.0.0.1/", ""},
		"ports share their cookies":          {"c=1; Path=/", "http://127.0.0.1:1/", "http://127.0.0.1:2/", "c=1"},
		"one that is too large is refused":   {"c=" + strings.Repeat("x", 5000) + "; Path=/", here, here, ""},
		"an invalid one is ignored":          {"=; Path=/", here, here, ""},
		"a dot before the domain is ignored": {"c=1; Path=/; Domain=.example.com", here, "https://example.com/", "c=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := after(t, c.at, c.to, c.set); got != c.want {
				t.Errorf("got the cookies %q sent, want %q", got, c.want)
			}
		})
	}
}

func TestCookie_LaterReplacesEarlier(t *testing.T) {
	t.Parallel()
	if got := after(t, "https://a.example.com/", "https://a.example.com/", "c=1", "d=1", "c=2", "d=; Max-Age=0"); got != "c=2" {
		t.Errorf("got the cookies %q sent", got)
	}
}

func TestCookie_LongerPathsGoFirst(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/", "", "Set-Cookie", "c=root; Path=/", "Set-Cookie", "c=deep; Path=/x", "Set-Cookie", "b=old; Path=/")
	b := browser.New(transport{s})
	open(t, b, "https://a.example.com/")
	open(t, b, "https://a.example.com/x")
	if got := s.said()["Cookie"]; got != "c=deep; c=root; b=old" {
		t.Errorf("got the cookies %q sent", got)
	}
}

func TestCookie_SameSiteIsApplied(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/set", "", "Set-Cookie", "none=1; Path=/; Secure; SameSite=None", "Set-Cookie", "lax=1; Path=/; SameSite=Lax",
		"Set-Cookie", "strict=1; Path=/; SameSite=Strict", "Set-Cookie", "silent=1; Path=/")
	s.page("/", `<a href="https://a.example.com/t">go</a><form method=post action="https://a.example.com/t"><button>go</button></form>`)
	b := browser.New(transport{s})
	open(t, b, "https://a.example.com/set")
	for from, want := range map[string][2]string{
		"https://a.example.com/": {"none=1; lax=1; strict=1; silent=1", "none=1; lax=1; strict=1; silent=1"},
		"https://b.example.com/": {"none=1; lax=1; strict=1; silent=1", "none=1; lax=1; strict=1; silent=1"},
		"https://example.org/":   {"none=1; lax=1; silent=1", "none=1"},
	} {
		p := open(t, b, from)
		if _, err := p.Follow(t.Context(), "go"); err != nil {
			t.Fatal(err)
		}
		link := s.said()["Cookie"]
		submit(t, p, nil, "")
		if got := [2]string{link, s.said()["Cookie"]}; got != want {
			t.Errorf("from %s: %q, want %q", from, got, want)
		}
	}
}

func TestCookie_CanBeDropped(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/", "", "Set-Cookie", "c=1")
	b := browser.New(transport{s})
	open(t, b, "https://a.example.com/")
	b.DropCookies()
	if left, err := b.Cookies("https://a.example.com/"); err != nil || len(left) > 0 {
		t.Errorf("got the cookies %v, %v; want none", left, err)
	}
}
