// Package pagefile reads the operator's files for the sign-in page: a style
// sheet and templates.
package pagefile

import (
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// maxStyle is the largest size of a style sheet, in bytes. Every visitor has to
// load it.
const maxStyle = 256 << 10

// A Page is the configuration of the sign-in page.
type Page struct{ Title, Logo, Style, Templates, Language string }

// Read reads the files of the page.
func (p Page) Read() (proxy.PageConfig, options.Mistakes) {
	var wrong options.Mistakes
	cfg := proxy.PageConfig{Title: p.Title, Logo: p.Logo, Language: p.Language}
	if p.Style != "" {
		var err error
		cfg.Style, err = readStyle(p.Style)
		wrong = wrong.And(options.In("page style", err))
	}
	if p.Templates != "" {
		cfg.Templates = os.DirFS(p.Templates)
		mistakes := unknownTemplates(p.Templates)
		if mistakes == nil {
			mistakes = mistakes.And(proxy.CheckPageTemplates(cfg.Templates))
		}
		for _, err := range mistakes {
			wrong = wrong.And(options.In("page templates", err))
		}
	}
	return cfg, wrong
}

func readStyle(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("%w; write the path of a style sheet that Caddy may read", err)
	}
	defer f.Close() //nolint:errcheck // it was only read from
	style, err := io.ReadAll(io.LimitReader(f, maxStyle+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w; write the path of a style sheet that Caddy may read", err)
	case len(style) > maxStyle:
		return nil, fmt.Errorf("%s has more than %d KiB, which every visitor would have to load; make it smaller", name, maxStyle>>10)
	case strings.TrimSpace(string(style)) == "":
		return nil, fmt.Errorf("%s is empty; leave style out, or write something into it", name)
	}
	return style, nil
}

// unknownTemplates returns a mistake for each file that replaces no template:
// it has a misspelt name and no effect.
func unknownTemplates(dir string) (wrong options.Mistakes) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return options.Mistakes{fmt.Errorf("%w; write a directory that Caddy may read", err)}
	}
	known := proxy.PageTemplates()
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(known, name) {
			continue // such files are those of file systems and editors
		}
		hint := rules.Suggest(name, known)
		if hint == "" {
			hint = "; remove it, or give it one of these names: " + strings.Join(known, ", ")
		}
		wrong = append(wrong, fmt.Errorf("there is no template %s%s", name, hint))
	}
	return wrong
}

// CheckLogo checks the address of a picture.
func CheckLogo(text string) error {
	if strings.HasPrefix(text, "data:image/") {
		return nil
	}
	return rules.URL("https://www.example.com/logo.svg")(text)
}

// CheckStyle checks the path of a style sheet.
func CheckStyle(text string) error {
	if path.Ext(text) != ".css" {
		return fmt.Errorf("%q is not a style sheet; write the path of a file such as /etc/caddy/signin.css", text)
	}
	return nil
}

// CheckTemplates checks the path of a directory with templates.
func CheckTemplates(text string) error {
	if path.Ext(text) == ".html" {
		return fmt.Errorf("%q is a template; write the directory that it is in", text)
	}
	return options.Text(text)
}
