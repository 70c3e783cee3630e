// Package locales has the page's own messages in every language, and chooses the
// language of a visitor. It knows no page and no request.
package locales

import (
	"embed"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed *.toml
var files embed.FS

// A Locale has our own messages in one language. authentik's texts arrive in
// the visitor's language already.
type Locale struct {
	tag language.Tag
	// static are the messages without parameters. Most messages have none, and
	// in the localizer each would take a kilobyte.
	static    map[string]string
	localizer *i18n.Localizer
}

// newLocale reads the file of a language. It adds the messages with parameters
// to the bundle. A message without parameters that the file does not have is in
// English.
func newLocale(bundle *i18n.Bundle, tag language.Tag, english map[string]string) (*Locale, error) {
	name := "active." + tag.String() + ".toml"
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the messages in %s: %w", tag, err)
	}
	file, err := i18n.ParseMessageFileBytes(text, name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
	if err != nil {
		return nil, fmt.Errorf("reading the messages in %s: %w", tag, err)
	}
	l := &Locale{tag: tag, static: make(map[string]string, len(file.Messages)), localizer: i18n.NewLocalizer(bundle, tag.String())}
	maps.Copy(l.static, english)
	for _, m := range file.Messages {
		if !strings.Contains(m.Other, "{{") {
			l.static[m.ID] = m.Other
			continue
		}
		delete(l.static, m.ID)
		if err := bundle.AddMessages(tag, m); err != nil {
			return nil, fmt.Errorf("reading the messages in %s: %w", tag, err)
		}
	}
	return l, nil
}

// Text returns the message with this name. The pairs are its parameters, each a
// name and a value. A message that is missing in the language is in English. An
// unknown name is returned as it is; tests find both.
func (l *Locale) Text(name string, pairs ...any) string {
	if text, ok := l.static[name]; ok {
		return text
	}
	parameters := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		parameters[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	text, err := l.localizer.Localize(&i18n.LocalizeConfig{MessageID: name, TemplateData: parameters})
	if err != nil && text == "" {
		return name
	}
	return text
}

// Direction returns the writing direction for the attribute dir.
func (l *Locale) Direction() string {
	script, _ := l.tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo":
		return "rtl"
	default:
		return "ltr"
	}
}

// Tag returns the tag (BCP 47) of the language, for the attribute lang.
func (l *Locale) Tag() string { return l.tag.String() }

// A Catalogue has a Locale for each language.
type Catalogue struct {
	locales []*Locale // in the order of languages
	fixed   *Locale   // the operator's choice; nil if visitors choose
}

// New returns the catalogue. All pages are in the fixed language if it
// is not empty.
func New(fixed string) (*Catalogue, error) {
	all, err := loadLocales()
	if err != nil {
		return nil, err
	}
	c := &Catalogue{locales: all}
	if fixed == "" {
		return c, nil
	}
	if err := Check(fixed); err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	c.fixed = c.match(language.Make(fixed))
	return c, nil
}

// loadLocales reads all languages once per process: reading takes a while, and
// the messages of all gates are the same.
var loadLocales = sync.OnceValues(func() ([]*Locale, error) {
	bundle := i18n.NewBundle(languages[0])
	all := make([]*Locale, 0, len(languages))
	var english map[string]string
	for _, tag := range languages {
		l, err := newLocale(bundle, tag, english)
		if err != nil {
			return nil, err
		}
		if english == nil {
			english = l.static
		}
		all = append(all, l)
	}
	return all, nil
})
