package caddymodule

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// maxStyle is the size of a style sheet, in bytes. Every visitor has to load it.
const maxStyle = 256 << 10

// read reads the files that the page is made of.
func (p Page) read() (looks proxy.PageConfig, wrong mistakes) {
	looks = proxy.PageConfig{Title: p.Title, Logo: p.Logo, Language: p.Language}
	if p.Style != "" {
		var err error
		if looks.Style, err = readStyle(p.Style); err != nil {
			wrong = append(wrong, fmt.Errorf("page style: %w", err))
		}
	}
	if p.Templates != "" {
		looks.Templates = os.DirFS(p.Templates)
		for _, err := range unknownTemplates(p.Templates) {
			wrong = append(wrong, fmt.Errorf("page templates: %w", err))
		}
	}
	return looks, wrong
}

func readStyle(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator says which file
	if err != nil {
		return nil, fmt.Errorf("%w; write the path of a style sheet that Caddy may read", err)
	}
	defer f.Close() //nolint:errcheck // It was only read from.
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

// unknownTemplates finds files that take no template's place. One with a misspelt
// name would change nothing, and its writer believes that it does.
func unknownTemplates(dir string) (wrong mistakes) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return mistakes{fmt.Errorf("%w; write a directory that Caddy may read", err)}
	}
	known := proxy.PageTemplates()
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(known, name) {
			continue // dots are what file systems keep there themselves
		}
		hint := meant(name, known)
		if hint == "" {
			hint = "; take it away, or give it one of these names: " + strings.Join(known, ", ")
		}
		wrong = append(wrong, fmt.Errorf("there is no template %s%s", name, hint))
	}
	return wrong
}
