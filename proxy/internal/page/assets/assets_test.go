package assets

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func testAssets(t testing.TB) *Set {
	t.Helper()
	all, err := New("/.authentik/assets/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAssets_AreCachedByTheirVersion(t *testing.T) {
	t.Parallel()
	p := testAssets(t)
	address := p.URL("style.css")
	for name, row := range map[string]struct {
		address, tag, cache string
		status              int
	}{
		"with its mark":       {address, "", "public, max-age=31536000, immutable", 200},
		"without a mark":      {"/.authentik/assets/style.css", "", "no-cache", 200},
		"with an old mark":    {"/.authentik/assets/style.css?v=old", "", "no-cache", 200},
		"known already":       {address, `"` + p.all["style.css"].hash + `"`, "public, max-age=31536000, immutable", 304},
		"a template":          {"/.authentik/assets/layout.html", "", "", 404},
		"something else":      {"/.authentik/assets/nothing.css", "", "", 404},
		"a way out":           {"/.authentik/assets/../style.css", "", "", 404},
		"deeper than it lies": {"/.authentik/assets/x/style.css", "", "", 404},
	} {
		r := httptest.NewRequest(http.MethodGet, row.address, nil)
		r.Header.Set("If-None-Match", row.tag)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != row.status || w.Header().Get("Cache-Control") != row.cache {
			t.Errorf("%s: got status %d, Cache-Control %q", name, w.Code, w.Header().Get("Cache-Control"))
		}
		if w.Code == 200 && (w.Header().Get("Content-Type") != "text/css; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: got headers %v", name, w.Header())
		}
	}
}

// TestAssets_StyleLoadsNothing finds what would ask another host.
func TestAssets_StyleLoadsNothing(t *testing.T) {
	t.Parallel()
	style := string(testAssets(t).all["style.css"].body)
	for _, foreign := range []string{"url(", "@import", "http:", "https:", "@font-face"} {
		if strings.Contains(style, foreign) {
			t.Errorf("got %s in the style, want nothing loaded", foreign)
		}
	}
	for _, side := range []string{"-left:", "-right:", "\tleft:", "\tright:", "text-align: left", "text-align: right"} {
		if strings.Contains(style, side) {
			t.Errorf("got %s in the style, want a logical property: a page may be right to left", side)
		}
	}
	for _, need := range []string{"prefers-color-scheme", "prefers-reduced-motion", "forced-colors", ":focus-visible", "@media print"} {
		if !strings.Contains(style, need) {
			t.Errorf("got no %s in the style", need)
		}
	}
}

func TestAssets_AreCompressedIfAccepted(t *testing.T) {
	t.Parallel()
	p := testAssets(t)
	plainMark, smallMark := `"`+p.all["style.css"].hash+`"`, `"`+p.all["style.css"].hash+`-gz"`
	for name, row := range map[string]struct {
		method, accept, ranged, known string
		status                        int
		small                         bool
	}{
		"a browser":               {"GET", "gzip, deflate, br, zstd", "", "", 200, true},
		"nothing said":            {"GET", "", "", "", 200, false},
		"none of it":              {"GET", "br", "", "", 200, false},
		"in so many words":        {"GET", "gzip;q=0", "", "", 200, false},
		"with zeros":              {"GET", "gzip; q=0.000, br", "", "", 200, false},
		"reluctantly":             {"GET", "br, GZIP;q=0.1", "", "", 200, true},
		"nothing but that":        {"GET", "identity;q=0, gzip", "", "", 200, true},
		"a part":                  {"GET", "gzip", "bytes=0-9", "", 206, false},
		"the head alone":          {"HEAD", "gzip", "", "", 200, true},
		"known already":           {"GET", "gzip", "", smallMark, 304, true},
		"known as the other form": {"GET", "gzip", "", plainMark, 200, true},
		"known as it is":          {"GET", "", "", plainMark, 304, false},
	} {
		r := httptest.NewRequest(row.method, p.URL("style.css"), nil)
		r.Header.Set("Accept-Encoding", row.accept)
		r.Header.Set("Range", row.ranged)
		r.Header.Set("If-None-Match", row.known)
		for _, empty := range []string{"Accept-Encoding", "Range", "If-None-Match"} {
			if r.Header.Get(empty) == "" {
				r.Header.Del(empty)
			}
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		mark := plainMark
		if row.small {
			mark = smallMark
		}
		if w.Code != row.status || w.Header().Get("ETag") != mark || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: got status %d, ETag %s, Vary %q", name, w.Code, w.Header().Get("ETag"), w.Header().Get("Vary"))
		}
		if got := w.Header().Get("Content-Encoding") == "gzip"; w.Code != 304 && got != row.small {
			t.Errorf("%s: got compressed: %v", name, got)
		}
		want := p.all["style.css"].body
		if row.small {
			want = p.all["style.css"].gzipped
		}
		switch {
		case row.method == "HEAD" || w.Code == 304:
			want = nil
		case w.Code == 206:
			want = want[:10]
		}
		if w.Body.String() != string(want) {
			t.Errorf("%s: got %d bytes", name, w.Body.Len())
		}
	}
}
