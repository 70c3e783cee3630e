package authentiktest

import (
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// releases run a test once as each release.
func releases(t *testing.T, test func(*testing.T, Release)) {
	t.Helper()
	for _, release := range []Release{Release202510, Release202605} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			test(t, release)
		})
	}
}

// send sends one request and returns the answer as it came.
func (c *client) send(method, path string, header ...string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.Host = or(r.Header.Get("Host"), r.Host)
	res, err := c.http.Transport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(body)
}

// raw is a client that keeps no cookies and follows no redirects.
func raw(t testing.TB, cfg Config) *client {
	t.Helper()
	_, c := serve(t, cfg)
	c.http = &http.Client{Transport: new(http.Transport)}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

const loginPage = "/if/flow/default-authentication-flow/"

func wantHeaders(t testing.TB, got http.Header, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := strings.Join(got.Values(pairs[i]), " | "); value != pairs[i+1] {
			t.Errorf("%s: got %q, want %q", pairs[i], value, pairs[i+1])
		}
	}
}

func TestInterface_FlowPageHasTheServersAddress(t *testing.T) {
	t.Parallel()
	releases(t, func(t *testing.T, release Release) {
		c := raw(t, Config{Release: release, Path: "/auth/"})
		res, page := c.send(http.MethodGet, loginPage+"?next=%2F", "Host", "crm.example.org", "X-Forwarded-Proto", "https")
		if res.StatusCode != http.StatusOK {
			t.Fatalf("got status %d, want 200", res.StatusCode)
		}
		wantHeaders(t, res.Header, "X-Frame-Options", "DENY", "Referrer-Policy", "same-origin", "X-Content-Type-Options", "nosniff",
			"X-Powered-By", "authentik", "Vary", "Accept-Encoding | Accept-Language, Cookie", "Content-Type", "text/html; charset=utf-8",
			"Content-Security-Policy", "", "Link", "", "Cache-Control", "", "Set-Cookie", "")
		says := []string{
			`locale: "en"`, `base: "https://crm.example.org/auth/"`, `relBase: "/auth/"`, `versionFamily: "` + string(release) + `"`,
			`versionSubdomain: "version-` + strings.ReplaceAll(string(release), ".", "-") + `"`, "config: JSON.parse(", "brand: JSON.parse(",
			`<ak-flow-executor slug="default-authentication-flow">`,
		}
		background := "/auth" + defaultBackground
		if release == Release202605 {
			background = "https://crm.example.org" + background
		}
		for _, text := range append(says, `rel="prefetch" href="`+background+`"`, `url("`+background+`")`) {
			if !strings.Contains(page, text) {
				t.Errorf("got the page without %s:\n%s", text, page)
			}
		}
		if absolute := strings.Count(page, "https://crm.example.org"); absolute != map[Release]int{Release202510: 1, Release202605: 3}[release] {
			t.Errorf("got %d absolute addresses, want those of the configuration:\n%s", absolute, page)
		}
		if res, _ := c.send(http.MethodGet, "/if/flow/absent/"); res.StatusCode != http.StatusNotFound {
			t.Errorf("got status %d for an unknown flow", res.StatusCode)
		}
	})
}

// addresses are those that a page of the interface, a script or a style names.
func addresses(t testing.TB, kind, text string) (found []string) {
	t.Helper()
	if kind == "html" {
		root, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			for _, a := range n.Attr {
				if (n.DataAtom == atom.Script || n.DataAtom == atom.Link) && (a.Key == "src" || a.Key == "href") {
					found = append(found, a.Val)
				}
			}
		}
		return found
	}
	for _, m := range regexp.MustCompile(`(?:import|url)\("([^"]+)"\)`).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// crawl asks for all that is needed to show a page, and returns the addresses
// below authentik's own. In 2025.10 fonts are asked for by way of the page.
func (c *client) crawl(page string) (seen []string) {
	c.t.Helper()
	_, text := c.send(http.MethodGet, page)
	next := addresses(c.t, "html", text)
	for len(next) > 0 {
		at := strings.TrimPrefix(strings.TrimPrefix(next[0], c.base), "/auth")
		next = next[1:]
		if slices.Contains(seen, at) {
			continue
		}
		seen = append(seen, at)
		res, body := c.send(http.MethodGet, at)
		if res.StatusCode != http.StatusOK {
			c.t.Errorf("%[2]s: got status %[1]d, want 200", res.StatusCode, at)
		}
		if kind := path.Ext(at); kind == ".js" || kind == ".css" {
			for _, name := range addresses(c.t, kind, body) {
				folder := path.Dir(at)
				if strings.HasPrefix(name, "assets/") {
					folder = page
				}
				next = append(next, path.Join(folder, name))
			}
		}
	}
	return seen
}

func TestInterface_EveryFileOfTheFlowPageIsServed(t *testing.T) {
	t.Parallel()
	const version = `[0-9.]+-rc1`
	common := []string{
		`/static/dist/poly-` + version + `\.js`, `/static/dist/flow/FlowInterface-` + version + `\.js`, `/static/dist/chunks/[A-Z2-7]{8}\.js`,
		`/static/dist/src/flow/stages/chunks/[A-Z2-7]{8}\.js`, `/static/dist/assets/icons/icon\.png`, `/static/dist/assets/images/flow_background\.jpg`,
	}
	own := map[Release][]string{
		Release202510: {
			`/static/dist/authentik\.css`, `/static/dist/standalone/loading/index-` + version + `\.js`, loginPage + `assets/fonts/standin/sign\.woff2`,
		},
		Release202605: {`/static/dist/styles/flow-` + version + `\.css`, `/static/dist/assets/fonts/standin/sign\.woff2`},
	}
	releases(t, func(t *testing.T, release Release) {
		for _, base := range []string{"/", "/auth/"} {
			c := raw(t, Config{Release: release, Path: base})
			seen := c.crawl(loginPage)
			want := slices.Concat(common, own[release])
			for _, pattern := range want {
				if !slices.ContainsFunc(seen, regexp.MustCompile("^"+pattern+"$").MatchString) {
					t.Errorf("got no request like %s, but %q", pattern, seen)
				}
			}
			if len(seen) != len(want) {
				t.Errorf("got requests for %q", seen)
			}
			for _, at := range seen {
				c.staysKept(at)
			}
		}
	})
}

// staysKept checks that browsers may cache a file and revalidate it.
func (c *client) staysKept(at string) {
	c.t.Helper()
	res, body := c.send(http.MethodGet, at)
	kinds := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2", ".png": "image/png", ".jpg": "image/jpeg",
	}
	headers := []string{
		"Content-Type", kinds[path.Ext(at)], "Cache-Control", "public, no-transform", "Vary", "X-authentik-version, Etag",
		"X-Powered-By", "", "Set-Cookie", "",
	}
	wantHeaders(c.t, res.Header, headers...)
	tag := res.Header.Get("Etag")
	if len(tag) < 10 || res.Header.Get("Last-Modified") == "" || !strings.Contains(res.Header.Get("X-Authentik-Version"), "-rc1") || body == "" {
		c.t.Errorf("%s: got headers %v, want those of a cached file", at, res.Header)
	}
	for header, value := range map[string]string{"If-None-Match": tag, "If-Modified-Since": res.Header.Get("Last-Modified")} {
		if res, body := c.send(http.MethodGet, at, header, value); res.StatusCode != http.StatusNotModified || body != "" || res.Header.Get("Etag") != tag {
			c.t.Errorf("%s, unchanged: got status %d, headers %v, want 304", at, res.StatusCode, res.Header)
		}
	}
	if res, _ := c.send(http.MethodGet, at, "If-None-Match", `"other"`); res.StatusCode != http.StatusOK {
		c.t.Errorf("%s, changed: got status %d, want 200", at, res.StatusCode)
	}
}

func TestInterface_ChunkNamesDependOnTheContent(t *testing.T) {
	t.Parallel()
	one := map[string][]byte{"chunks/a.js": []byte("1"), "b.js": []byte(`"chunks/a.js"`)}
	other := map[string][]byte{"chunks/a.js": []byte("2")}
	if a, b := chunksOf(one).Replace("chunks/a.js"), chunksOf(other).Replace("chunks/a.js"); a == b || a == "chunks/a.js" {
		t.Errorf("got the names %s and %s, want them to depend on the content", a, b)
	}
	if got := chunksOf(one).Replace("b.js"); got != "b.js" {
		t.Errorf("got the name %s for a file that is not a chunk, want its own", got)
	}
}
