package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

var framedHere = FrameLinks{SignIn: "/.authentik/login?to=%2F.authentik%2Fframed", Own: "/app?a=1&b=2"}

func inFrame(t testing.TB, f FrameLinks) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	testPages(t).Framed(w, httptest.NewRequest(http.MethodGet, "/app", nil), f, testBrand())
	return w.Result()
}

// TestFrame_PageMayBeFramed, and is held to everything else that other pages are.
func TestFrame_PageMayBeFramed(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]FrameLinks{"here": framedHere, "elsewhere": {Own: "/app"}} {
		res := inFrame(t, f)
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got status %d", name, res.StatusCode)
		}
		for header, want := range map[string]string{
			"Content-Type":               "text/html; charset=utf-8",
			"Cache-Control":              "no-store",
			"Content-Security-Policy":    strings.Replace(csp.New("").String(), "frame-ancestors 'none'", "frame-ancestors *", 1),
			"Cross-Origin-Opener-Policy": "same-origin",
			"Referrer-Policy":            "same-origin",
			"Vary":                       "Accept, Accept-Language, Cookie, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site",
			"X-Content-Type-Options":     "nosniff",
			"X-Frame-Options":            "",
		} {
			if got := res.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestFrame_PageOnlyOpensWindows(t *testing.T) {
	t.Parallel()
	own := `<a class="button%s" href="/app?a=1&amp;b=2" target="_blank" rel="noopener" data-own>`
	for name, row := range map[string]struct {
		framed     FrameLinks
		has, lacks []string
	}{
		"here": {framedHere, []string{
			`href="/.authentik/login?to=%2F.authentik%2Fframed" target="_blank" rel="noopener" data-sign-in>`,
			strings.Replace(own, "%s", " quiet", 1), "<noscript><p>After signing in, come back here", "Signing in opens a new window",
		}, []string{"inside another site"}},
		"elsewhere": {FrameLinks{Own: framedHere.Own}, []string{
			strings.Replace(own, "%s", "", 1), "This page is shown inside another site",
		}, []string{"/login", "data-sign-in", "noscript"}},
	} {
		res := httptest.NewRecorder()
		testPages(t).Framed(res, httptest.NewRequest(http.MethodGet, "/app", nil), row.framed, testBrand())
		page := res.Body.String()
		checkPage(t, page)
		has(t, page, append(row.has, `<body class="framed">`, "/assets/framed.js?v=")...)
		lacks(t, page, append(row.lacks, "<form", "autofocus", "Imprint", "backdrop")...)
		if strings.Count(page, "<a ") != strings.Count(page, `target="_blank"`) {
			t.Errorf("%s: got a link without a target, want it to open a window:\n%s", name, page)
		}
	}
}
