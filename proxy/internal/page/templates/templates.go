// Package templates has the HTML of the pages, and reads the templates of
// operators that replace it. It knows no page: it checks templates with a view
// that it is given.
package templates

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

//go:embed *.html
var files embed.FS

// Layout is the template of the whole page, which includes one of the others.
const Layout = "layout.html"

// A Set has the sources of all templates. Each is parsed for a language when the
// first visitor needs it, since most sites need few languages.
type Set struct {
	sources  map[string]string
	replaced map[string]bool // the operator's, by name
	parsed   sync.Map        // the parsed templates: *template.Template by parsedKey
	view     any             // the view that templates are checked with
}

// A parsedKey is the name of a template and a language.
type parsedKey struct{ name, language string }

// embedded are the templates for all gates whose operator replaces none. Gates
// share them, so that each is parsed once per process and language.
var embedded = sync.OnceValues(func() (*Set, error) { return load(nil, nil) })

// New returns the templates. Those of the operator replace the embedded ones of
// the same name. They are checked with a view, the value that a template gets.
func New(own fs.FS, view any) (*Set, error) {
	if own == nil {
		return embedded()
	}
	return load(own, view)
}

// load reads the templates, and checks those of the operator. A test checks the
// embedded ones, which only an operator's layout can break.
func load(own fs.FS, view any) (*Set, error) {
	t := &Set{sources: map[string]string{}, replaced: map[string]bool{}, view: view}
	var toCheck []string
	for _, name := range Names() {
		text, replaced, err := read(own, name)
		if err != nil {
			return nil, fmt.Errorf("reading the template %s: %w", name, err)
		}
		t.sources[name], t.replaced[name] = text, replaced
		if replaced {
			toCheck = append(toCheck, name)
		}
	}
	if err := checkNames(own); err != nil {
		return nil, err
	}
	return t, t.checkAll(toCheck)
}

// checkAll checks the named templates, or all of them if the layout is among
// them, since it is part of all others.
func (t *Set) checkAll(names []string) error {
	if slices.Contains(names, Layout) {
		if err := t.check(Layout); err != nil {
			return err
		}
		names = slices.Sorted(maps.Keys(t.sources))
	}
	var wrong []error
	for _, name := range names {
		wrong = append(wrong, t.check(name))
	}
	return errors.Join(wrong...)
}

// Names returns the names of all templates.
func Names() []string {
	names, _ := fs.Glob(files, "*.html") // the pattern is valid
	return names
}

// checkNames returns an error for files that replace no template, such as those
// with a misspelt name. Dot files are ignored.
func checkNames(own fs.FS) error {
	if own == nil {
		return nil
	}
	entries, err := fs.ReadDir(own, ".")
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	var wrong []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(Names(), e.Name()) {
			wrong = append(wrong, fmt.Errorf("there is no template %s", e.Name()))
		}
	}
	return errors.Join(wrong...)
}

// check returns an error, with its line, for a template that does not parse,
// cannot be escaped, or uses a field that the view does not have. Fields of
// Stage can be checked only when a page is drawn.
func (t *Set) check(name string) error {
	tmpl, err := t.parse(name, func(string, ...any) string { return "" })
	if err != nil {
		return fmt.Errorf("the template %s: %w", name, err)
	}
	if name == Layout {
		_, err = tmpl.New("none").Parse(`{{define "stage"}}{{end}}`)
	}
	if err == nil {
		err = tmpl.ExecuteTemplate(io.Discard, Layout, t.view)
	}
	if unsafe := (*template.Error)(nil); errors.As(err, &unsafe) || err != nil && strings.Contains(err.Error(), "can't evaluate field") {
		return fmt.Errorf("the template %s: %w", name, err)
	}
	return nil
}

// read reads the operator's template, or the embedded one if there is no
// replacement.
func read(own fs.FS, name string) (text string, replaced bool, err error) {
	if own != nil {
		raw, err := fs.ReadFile(own, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(raw), true, err
		}
	}
	raw, err := files.ReadFile(name)
	return string(raw), false, err
}

// Replaces reports whether one of these templates is the operator's.
func (t *Set) Replaces(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return t.replaced[name] })
}

// Get returns a template in the language of a locale.
func (t *Set) Get(name string, l *locales.Locale) (*template.Template, error) {
	key := parsedKey{name, l.Tag()}
	if found, ok := t.parsed.Load(key); ok {
		ready, _ := found.(*template.Template)
		return ready, nil
	}
	tmpl, err := t.parse(name, l.Text)
	if err != nil {
		return nil, err
	}
	found, _ := t.parsed.LoadOrStore(key, tmpl)
	ready, _ := found.(*template.Template)
	return ready, nil
}

// parse returns the layout together with a stage's template.
func (t *Set) parse(name string, say func(string, ...any) string) (*template.Template, error) {
	text, ok := t.sources[name]
	if !ok {
		return nil, fmt.Errorf("there is no template %q", name)
	}
	tmpl, err := template.New(Layout).Funcs(template.FuncMap{"say": say}).ParseFS(files, Layout)
	if err == nil {
		tmpl, err = tmpl.Parse(t.sources[Layout]) // the operator's layout inherits the parts that it does not define
	}
	if err != nil || name == Layout {
		return tmpl, err
	}
	_, err = tmpl.New(name).Parse(text)
	return tmpl, err
}
