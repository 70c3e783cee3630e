package exchange

import (
	"net/url"
	"strings"
	"testing"
)

func TestWayBack_IsAlwaysLocal(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"/":                                "/",
		"/a/b?c=d&e=%2F":                   "/a/b?c=d&e=%2F",
		"/%C3%BC?x=%0d":                    "/%C3%BC?x=%0d",
		"/über":                            "/%C3%BCber",
		"/a#fragment":                      "/a",
		"":                                 "/",
		"a":                                "/",
		"//":                               "/",
		"//evil.example":                   "/",
		`/\evil.example`:                   "/",
		`\\evil.example`:                   "/",
		"/\t/evil.example":                 "/",
		"/\n/evil.example":                 "/",
		"https://evil.example/":            "/",
		"javascript:alert(1)":              "/",
		"/\x00":                            "/",
		"/ok\r\nSet-Cookie: a":             "/",
		"///evil.example":                  "/",
		"/" + strings.Repeat("a", maxBack): "/",
		"/%zz":                             "/",
	} {
		if got := LocalPath(to); got != want {
			t.Errorf("%q becomes %q, want %q", to, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/a", "//", "//b", `/\c`, "/%2f%2fd", "/.//e", "/..//f", "http:/g", "/\u2028//h", "/?//i", "/#//j", "/;//k", "/@l", "/%5cm"} {
		f.Add(seed)
	}
	site := &url.URL{Scheme: "https", Host: "app.example.com", Path: "/.authentik/login"}
	f.Fuzz(func(t *testing.T, to string) {
		got := LocalPath(to)
		u, err := site.Parse(got)
		if err != nil || u.Host != site.Host || u.Scheme != site.Scheme || u.User != nil {
			t.Fatalf("%q: got %q, which leads to %v (%v), want an address of the site", to, got, u, err)
		}
		if got[0] != '/' || strings.HasPrefix(got, "//") || strings.ContainsFunc(got, misread) {
			t.Fatalf("%q: got %q, want a local path", to, got)
		}
		if again := LocalPath(got); again != got {
			t.Fatalf("%q: got %q and then %q, want the same again", to, got, again)
		}
	})
}
