package page

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"sync"
)

//go:embed templates
var templateFiles embed.FS

// layout is the template that all others stand in.
const layout = "layout.html"

// templates are the texts of all templates, made ready for one language after
// another as visitors ask for them: a site has visitors of few.
type templates struct {
	texts map[string]string
	ready sync.Map // of readyKey to *template.Template
}

// A readyKey names a template in a language.
type readyKey struct{ name, language string }

// newTemplates reads the templates, the operator's own in the place of ours, and
// tries each of them.
func newTemplates(own fs.FS) (*templates, error) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	t := &templates{texts: map[string]string{}}
	for _, name := range names {
		text, err := readTemplate(own, path.Base(name))
		if err != nil {
			return nil, fmt.Errorf("reading the template %s: %w", path.Base(name), err)
		}
		t.texts[path.Base(name)] = text
	}
	silent := func(string, ...any) string { return "" }
	var wrong []error
	for name := range t.texts {
		if _, err := t.parse(name, silent); err != nil {
			wrong = append(wrong, fmt.Errorf("the template %s: %w", name, err))
		}
	}
	return t, errors.Join(wrong...)
}

// readTemplate reads the operator's template of that name, or ours.
func readTemplate(own fs.FS, name string) (string, error) {
	if own != nil {
		text, err := fs.ReadFile(own, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(text), err
		}
	}
	text, err := templateFiles.ReadFile("templates/" + name)
	return string(text), err
}

// get returns a template that speaks a language.
func (t *templates) get(name string, say *tongue) (*template.Template, error) {
	key := readyKey{name, say.tag.String()}
	if found, ok := t.ready.Load(key); ok {
		ready, _ := found.(*template.Template)
		return ready, nil
	}
	made, err := t.parse(name, say.say)
	if err != nil {
		return nil, err
	}
	found, _ := t.ready.LoadOrStore(key, made)
	ready, _ := found.(*template.Template)
	return ready, nil
}

// parse makes one template of the layout and a stage's part.
func (t *templates) parse(name string, say func(string, ...any) string) (*template.Template, error) {
	text, ok := t.texts[name]
	if !ok {
		return nil, fmt.Errorf("page: there is no template %q", name)
	}
	made, err := template.New(layout).Funcs(template.FuncMap{"say": say}).Parse(t.texts[layout])
	if err != nil || name == layout {
		return made, err
	}
	_, err = made.New(name).Parse(text)
	return made, err
}
