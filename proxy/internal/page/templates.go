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
)

//go:embed templates
var templateFiles embed.FS

// layout is the template that all others stand in.
const layout = "layout.html"

// templates are the texts of all templates, made ready for one language after
// another as visitors ask for them: a site has visitors of few.
type templates struct {
	texts  map[string]string
	parsed sync.Map // of readyKey to *template.Template
}

// A readyKey names a template in a language.
type parsedKey struct{ name, language string }

// newTemplates reads the templates, the operator's own in the place of ours, and
// tries each of them.
func newTemplates(own fs.FS) (*templates, error) {
	t := &templates{texts: map[string]string{}}
	for _, name := range TemplateNames() {
		text, err := readTemplate(own, name)
		if err != nil {
			return nil, fmt.Errorf("reading the template %s: %w", name, err)
		}
		t.texts[name] = text
	}
	if err := checkNames(own); err != nil {
		return nil, err
	}
	if err := t.check(layout); err != nil {
		return nil, err // all others stand in it
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(t.texts)) {
		wrong = append(wrong, t.check(name))
	}
	return t, errors.Join(wrong...)
}

// TemplateNames are the names of all templates.
func TemplateNames() []string {
	files, _ := fs.Glob(templateFiles, "templates/*.html") // the pattern is a good one
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, path.Base(file))
	}
	return names
}

// unknownIn finds what takes no template's place: a misspelt name would change
// nothing, in silence. What begins with a dot is the file system's own affair.
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

// try finds what would keep a template from being drawn, with its line: what does
// not parse, what cannot be escaped, and fields that a View does not have. What a
// stage has is known only when one is drawn.
func (t *templates) check(name string) error {
	made, err := t.parse(name, func(string, ...any) string { return "" })
	if err != nil {
		return fmt.Errorf("the template %s: %w", name, err)
	}
	if name == layout {
		_, err = made.New("none").Parse(`{{define "stage"}}{{end}}`)
	}
	if err == nil {
		err = made.ExecuteTemplate(io.Discard, layout, &pageView{})
	}
	if unsafe := (*template.Error)(nil); errors.As(err, &unsafe) || err != nil && strings.Contains(err.Error(), "can't evaluate field") {
		return fmt.Errorf("the template %s: %w", name, err)
	}
	return nil
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
func (t *templates) get(name string, l *locale) (*template.Template, error) {
	key := parsedKey{name, l.tag.String()}
	if found, ok := t.parsed.Load(key); ok {
		ready, _ := found.(*template.Template)
		return ready, nil
	}
	made, err := t.parse(name, l.text)
	if err != nil {
		return nil, err
	}
	found, _ := t.parsed.LoadOrStore(key, made)
	ready, _ := found.(*template.Template)
	return ready, nil
}

// parse makes one template of the layout and a stage's part.
func (t *templates) parse(name string, say func(string, ...any) string) (*template.Template, error) {
	text, ok := t.texts[name]
	if !ok {
		return nil, fmt.Errorf("page: there is no template %q", name)
	}
	made, err := template.New(layout).Funcs(template.FuncMap{"say": say}).ParseFS(templateFiles, "templates/"+layout)
	if err == nil {
		made, err = made.Parse(t.texts[layout]) // one of the operator's keeps the parts that it does not define
	}
	if err != nil || name == layout {
		return made, err
	}
	_, err = made.New(name).Parse(text)
	return made, err
}
