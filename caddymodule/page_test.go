package caddymodule

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
)

func TestPage_HasStylesAndTemplatesOfTheOperator(t *testing.T) {
	s := newSite(t)
	dir := moduletest.Files(t, map[string]string{"password.html": `{{define "stage"}}<p>Ours</p><form method="post" action="{{.Action}}">{{template "hidden" .}}{{template "entry" .Stage.Password}}<button>{{say "continue"}}</button></form>{{end}}`})
	t.Setenv("GATE_STYLE", filepath.Join(moduletest.Files(t, map[string]string{"own.css": "h1{color:red}"}), "own.css"))
	t.Setenv("GATE_TEMPLATES", dir)
	const file = `SITE {
	authentik AUTHENTIK {
		page {
			style {env.GATE_STYLE}
			templates {env.GATE_TEMPLATES}
		}
	}
	reverse_proxy APP
}`
	s.load(file)
	b := s.browser()
	b.expect(b.get("http://localhost/.authentik/assets/own.css"), http.StatusOK, "h1{color:red}")
	first := b.expect(b.get("http://localhost/.authentik/login"), http.StatusOK, "/.authentik/assets/own.css?v=")
	b.expect(b.fill(first, "uid_field", "ada"), http.StatusOK, "<p>Ours</p>")

	broken := filepath.Join(dir, "password.html")
	for text, want := range map[string]string{
		"\n{{define \"stage\"}}\n{{end":                     "password.html:3",
		"\n{{define \"stage\"}}{{.Heding}}{{end}}":          "password.html:2",
		"{{define \"stage\"}}<a href=\"{{.Heading}}{{end}}": "password.html",
	} {
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.try("", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is loaded with %v", text, err)
		}
	}
}
