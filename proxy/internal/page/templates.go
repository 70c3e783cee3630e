package page

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

//go:embed templates
var templateFiles embed.FS

// layout is the template of the whole page, which includes one of the others.
const layout = "layout.html"

// templates are the sources of all templates. Each is parsed for a language when
// the first visitor needs it, since most sites need few languages.
type templates struct {
	sources  map[string]string
	replaced map[string]bool // the operator's, by name
	parsed   sync.Map        // of parsedKey to *template.Template
}

// A parsedKey is the name of a template and a language.
type parsedKey struct{ name, language string }

// embedded are the templates of all gates without templates of the operator's.
// They are shared, so that each is parsed once per process and language.
var embedded = sync.OnceValues(func() (*templates, error) { return loadTemplates(nil) })

// newTemplates returns the templates. Those of the operator replace the embedded
// ones of the same name.
func newTemplates(own fs.FS) (*templates, error) {
	if own == nil {
		return embedded()
	}
	return loadTemplates(own)
}

// loadTemplates reads the templates, and checks those of the operator. A test
// checks the embedded ones, and only a layout of the operator's can break them.
func loadTemplates(own fs.FS) (*templates, error) {
	t := &templates{sources: map[string]string{}, replaced: map[string]bool{}}
	var toCheck []string
	for _, name := range TemplateNames() {
		text, replaced, err := readTemplate(own, name)
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
func (t *templates) checkAll(names []string) error {
	if slices.Contains(names, layout) {
		if err := t.check(layout); err != nil {
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

// TemplateNames returns the names of all templates.
func TemplateNames() []string {
	files, _ := fs.Glob(templateFiles, "templates/*.html") // the pattern is a good one
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, path.Base(file))
	}
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
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(TemplateNames(), e.Name()) {
			wrong = append(wrong, fmt.Errorf("there is no template %s", e.Name()))
		}
	}
	return errors.Join(wrong...)
}

// check returns an error, with its line, for a template that does not parse,
// cannot be escaped, or uses a field that a pageView does not have. Fields of
// Stage can be checked only when a page is drawn.
func (t *templates) check(name string) error {
	tmpl, err := t.parse(name, func(string, ...any) string { return "" })
	if err != nil {
		return fmt.Errorf("the template %s: %w", name, err)
	}
	if name == layout {
		_, err = tmpl.New("none").Parse(`{{define "stage"}}{{end}}`)
	}
	if err == nil {
		err = tmpl.ExecuteTemplate(io.Discard, layout, &pageView{})
	}
	if unsafe := (*template.Error)(nil); errors.As(err, &unsafe) || err != nil && strings.Contains(err.Error(), "can't evaluate field") {
		return fmt.Errorf("the template %s: %w", name, err)
	}
	return nil
}

// readTemplate reads the operator's template, or the embedded one if there is no
// replacement.
func readTemplate(own fs.FS, name string) (text string, replaced bool, err error) {
	if own != nil {
		raw, err := fs.ReadFile(own, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(raw), true, err
		}
	}
	raw, err := templateFiles.ReadFile("templates/" + name)
	return string(raw), false, err
}

// get returns a template in the language of a locale.
func (t *templates) get(name string, l *locales.Locale) (*template.Template, error) {
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
func (t *templates) parse(name string, say func(string, ...any) string) (*template.Template, error) {
	text, ok := t.sources[name]
	if !ok {
		return nil, fmt.Errorf("page: there is no template %q", name)
	}
	tmpl, err := template.New(layout).Funcs(template.FuncMap{"say": say}).ParseFS(templateFiles, "templates/"+layout)
	if err == nil {
		tmpl, err = tmpl.Parse(t.sources[layout]) // the operator's layout inherits the parts that it does not define
	}
	if err != nil || name == layout {
		return tmpl, err
	}
	_, err = tmpl.New(name).Parse(text)
	return tmpl, err
}
