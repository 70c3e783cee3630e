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

// A tongue says our own sentences in one language. What authentik says is not
// among them: that arrives in the visitor's language already.
type locale struct {
	tag language.Tag
	// whole are the sentences that leave nothing open, which are most of them:
	// nothing has to be put together for one.
	static    map[string]string
	localizer *i18n.Localizer
}

// newTongue reads the file of a language into the bundle.
func newLocale(bundle *i18n.Bundle, tag language.Tag) (*locale, error) {
	file, err := bundle.LoadMessageFileFS(localeFiles, path.Join("locales", "active."+tag.String()+".toml"))
	if err != nil {
		return nil, fmt.Errorf("reading the words in %s: %w", tag, err)
	}
	t := &locale{tag: tag, static: make(map[string]string, len(file.Messages)), localizer: i18n.NewLocalizer(bundle, tag.String())}
	for _, m := range file.Messages {
		if !strings.Contains(m.Other, "{{") {
			t.static[m.ID] = m.Other
		}
	}
	return t, nil
}

// say returns the sentence called name. The pairs are what it leaves open: a
// word in braces, and what goes there. A sentence that the language lacks is said
// in English. A name without a sentence gives the name itself: a test finds both.
func (t *locale) text(name string, pairs ...any) string {
	if said, ok := t.static[name]; ok {
		return said
	}
	open := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		open[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	said, err := t.localizer.Localize(&i18n.LocalizeConfig{MessageID: name, TemplateData: open})
	if err != nil && said == "" {
		return name
	}
	return said
}

// direction is that in which the language is written, for the attribute dir.
func (t *locale) direction() string {
	script, _ := t.tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo":
		return "rtl"
	default:
		return "ltr"
	}
}

// A catalogue has a tongue for each language.
type catalogue struct {
	locales []*locale // in the order of languages
	fixed   *locale   // the operator's choice; nil where visitors are asked
}

// newCatalogue makes a catalogue. A language that the operator has fixed is
// everybody's.
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

// tongues reads all languages, once in a process: reading takes a while, and all gates
// say the same.
var loadLocales = sync.OnceValues(func() ([]*locale, error) {
	bundle := i18n.NewBundle(languages[0])
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	all := make([]*locale, 0, len(languages))
	for _, tag := range languages {
		t, err := newLocale(bundle, tag)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
})
