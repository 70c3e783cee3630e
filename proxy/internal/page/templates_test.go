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

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
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
	if _, err := withTemplates(templateTexts(t)); err != nil {
		t.Error(err)
	}
}

// templateTexts returns the embedded templates by their names.
func templateTexts(t testing.TB) map[string]string {
	t.Helper()
	names := templates.Names()
	if len(names) < 15 {
		t.Fatalf("got the templates %q, want more of them", names)
	}
	texts := make(map[string]string, len(names))
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("templates", name)) //nolint:gosec // one of ours
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}
