package page

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// withTemplates are pages with templates of the operator's.
func withTemplates(own map[string]string) (*Pages, error) {
	files := fstest.MapFS{}
	for name, text := range own {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	cfg := testPageConfig()
	cfg.Templates = files
	return New(cfg)
}

// ofOnesOwn draws a password on such pages.
func drawnWithTemplates(t testing.TB, own map[string]string) string {
	t.Helper()
	p, err := withTemplates(own)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	q := questionOf(decode(t, []byte(`{"component":"ak-stage-password","pending_user":"<jane>","allow_show_password":true}`)))
	if err := p.Ask(w, httptest.NewRequest(http.MethodGet, "/", nil), q); err != nil {
		t.Fatal(err)
	}
	return w.Body.String()
}

func TestTemplate_OperatorsReplacesOurs(t *testing.T) {
	t.Parallel()
	page := drawnWithTemplates(t, map[string]string{
		"password.html": `{{define "stage"}}<p>Ours, {{.Account.Name}}: {{say "password"}} of {{.Stage.Password.Label}}</p>{{end}}`,
	})
	has(t, page, "<p>Ours, &lt;jane&gt;: Password of Password</p>", `<main>`)
	lacks(t, page, "<form")
	page = drawnWithTemplates(t, map[string]string{"layout.html": `<title>{{.Title}}</title>{{template "stage" .}}{{define "entry"}}<b>{{.ID}}</b>{{end}}`})
	has(t, page, "<title>Sign in · Example</title>", "<b>password</b>", `name="visit"`)
	lacks(t, page, "<main>")
}

func TestTemplate_MistakeIsAnErrorAtTheStart(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ file, text, want string }{
		"it does not end":              {"password.html", "\n{{define \"stage\"}}", "password.html:2"},
		"a function that is not there": {"password.html", "\n\n{{define \"stage\"}}{{tell 1}}{{end}}", `password.html:3: function "tell" not defined`},
		"a field that is not there":    {"totp.html", "{{define \"stage\"}}\n{{.Heding}}{{end}}", "totp.html:2"},
		"a method that is not there":   {"layout.html", "{{.Account.Heading}}{{template \"stage\" .}}", "layout.html:1"},
		"an attribute that goes on":    {"password.html", "{{define \"stage\"}}<a href=\"{{.Back}}{{end}}", "password.html"},
		"no part of a stage":           {"layout.html", "{{template \"stag\" .}}", "layout.html"},
		"a misspelt name":              {"pasword.html", "", "there is no template pasword.html"},
	} {
		_, err := withTemplates(map[string]string{row.file: row.text})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got error %v, want %q", name, err, row.want)
		}
	}
	if _, err := withTemplates(map[string]string{".gitignore": "", "password.html": `{{define "stage"}}{{.Stage.Nothing}}{{end}}`}); err != nil {
		t.Errorf("got error %v before a stage is rendered, want none", err)
	}
	cfg := testPageConfig()
	cfg.Templates = os.DirFS(filepath.Join(t.TempDir(), "nowhere"))
	if _, err := New(cfg); err == nil {
		t.Error("got no error for a missing directory, want one")
	}
}

func TestAssets_OperatorsStyleComesLast(t *testing.T) {
	t.Parallel()
	cfg := testPageConfig()
	cfg.Style = []byte("h1 { color: red }")
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	styles := p.brandView(testBrand(), english).Styles
	if len(styles) != 2 || !regexp.MustCompile(`^/\.authentik/assets/own\.css\?v=[-_\w]{12}$`).MatchString(styles[1]) {
		t.Fatalf("got styles %q", styles)
	}
	w := httptest.NewRecorder()
	p.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, styles[1], nil))
	if w.Body.String() != string(cfg.Style) || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("got body %q, headers %v", w.Body, w.Header())
	}
	w = httptest.NewRecorder()
	testPages(t).Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.authentik/assets/own.css", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("without an operator's style: got status %d", w.Code)
	}
}

func TestAssets_AreCompressedIfAccepted(t *testing.T) {
	t.Parallel()
	p := testPages(t)
	plainMark, smallMark := `"`+p.assets["style.css"].hash+`"`, `"`+p.assets["style.css"].hash+`-gz"`
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
		r := httptest.NewRequest(row.method, p.assetURL("style.css"), nil)
		r.Header.Set("Accept-Encoding", row.accept)
		r.Header.Set("Range", row.ranged)
		r.Header.Set("If-None-Match", row.known)
		for _, empty := range []string{"Accept-Encoding", "Range", "If-None-Match"} {
			if r.Header.Get(empty) == "" {
				r.Header.Del(empty)
			}
		}
		w := httptest.NewRecorder()
		p.Assets().ServeHTTP(w, r)
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
		want := p.assets["style.css"].body
		if row.small {
			want = p.assets["style.css"].gzipped
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

// BenchmarkNew measures what each gate costs at start, after the first one.
func BenchmarkNew(b *testing.B) {
	own := testPageConfig()
	own.Templates = fstest.MapFS{"password.html": {Data: []byte(`{{define "stage"}}<p>{{say "password"}}</p>{{end}}`)}}
	for name, cfg := range map[string]Config{"embedded templates": testPageConfig(), "a template of the operator's": own} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := New(cfg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestTemplates_EmbeddedOnesPassTheCheck: New checks only those of operators.
func TestTemplates_EmbeddedOnesPassTheCheck(t *testing.T) {
	t.Parallel()
	all, err := loadTemplates(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := all.checkAll(TemplateNames()); err != nil {
		t.Error(err)
	}
}
