package page

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales
var localeFiles embed.FS

// A locale has our own messages in one language. authentik's texts arrive in
// the visitor's language already.
type locale struct {
	tag language.Tag
	// static are the messages without parameters, which are most of them. They
	// need no localizer.
	static    map[string]string
	localizer *i18n.Localizer
}

// newLocale adds the file of a language to the bundle.
func newLocale(bundle *i18n.Bundle, tag language.Tag) (*locale, error) {
	file, err := bundle.LoadMessageFileFS(localeFiles, path.Join("locales", "active."+tag.String()+".toml"))
	if err != nil {
		return nil, fmt.Errorf("reading the messages in %s: %w", tag, err)
	}
	l := &locale{tag: tag, static: make(map[string]string, len(file.Messages)), localizer: i18n.NewLocalizer(bundle, tag.String())}
	for _, m := range file.Messages {
		if !strings.Contains(m.Other, "{{") {
			l.static[m.ID] = m.Other
		}
	}
	return l, nil
}

// text returns the message with this name. The pairs are its parameters, each a
// name and a value. A message that is missing in the language is in English,
// and an unknown name is returned as it is; tests find both.
func (l *locale) text(name string, pairs ...any) string {
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

// direction returns the writing direction for the attribute dir.
func (l *locale) direction() string {
	script, _ := l.tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo":
		return "rtl"
	default:
		return "ltr"
	}
}

// A catalogue has a locale for each language.
type catalogue struct {
	locales []*locale // in the order of languages
	fixed   *locale   // the operator's choice; nil if visitors choose
}

// newCatalogue returns the catalogue. All pages are in the fixed language if it
// is not empty.
func newCatalogue(fixed string) (*catalogue, error) {
	all, err := loadLocales()
	if err != nil {
		return nil, err
	}
	c := &catalogue{locales: all}
	if fixed == "" {
		return c, nil
	}
	if err := CheckLanguage(fixed); err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	c.fixed = c.match(language.Make(fixed))
	return c, nil
}

// loadLocales reads all languages once per process: reading takes a while, and
// the messages of all gates are the same.
var loadLocales = sync.OnceValues(func() ([]*locale, error) {
	bundle := i18n.NewBundle(languages[0])
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	all := make([]*locale, 0, len(languages))
	for _, tag := range languages {
		l, err := newLocale(bundle, tag)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
})
