package page

import (
	"embed"
	"fmt"
	"net/http"
	"path"

	"github.com/BurntSushi/toml"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales
var localeFiles embed.FS

// languages are those that the catalogue has, English first: it stands in where
// a visitor speaks none of them.
var languages = []language.Tag{language.English}

// A tongue says our own sentences in one language. What authentik says is not
// among them: that arrives in the visitor's language already.
type tongue struct {
	tag  language.Tag
	says *i18n.Localizer
}

// say returns the sentence called name. The pairs are what it leaves open: a
// word in braces, and what goes there. A name without a sentence gives the name
// itself: a test finds those.
func (t *tongue) say(name string, pairs ...any) string {
	open := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		open[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	said, err := t.says.Localize(&i18n.LocalizeConfig{MessageID: name, TemplateData: open})
	if err != nil && said == "" {
		return name
	}
	return said
}

// direction is that in which the language is written, for the attribute dir.
func (t *tongue) direction() string {
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
	tongues []*tongue // in the order of languages
	matcher language.Matcher
	fixed   *tongue // the operator's choice; nil where visitors are asked
}

// newCatalogue reads the catalogue. A language that the operator has fixed is
// everybody's.
func newCatalogue(fixed string) (*catalogue, error) {
	bundle := i18n.NewBundle(languages[0])
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	c := &catalogue{matcher: language.NewMatcher(languages)}
	for _, tag := range languages {
		if _, err := bundle.LoadMessageFileFS(localeFiles, path.Join("locales", "active."+tag.String()+".toml")); err != nil {
			return nil, fmt.Errorf("reading the words in %s: %w", tag, err)
		}
		c.tongues = append(c.tongues, &tongue{tag: tag, says: i18n.NewLocalizer(bundle, tag.String())})
	}
	if fixed != "" {
		tag, err := language.Parse(fixed)
		if err != nil {
			return nil, fmt.Errorf("%q is no language tag: %w", fixed, err)
		}
		c.fixed = c.of(tag)
	}
	return c, nil
}

// of returns the tongue that suits the first of the languages that there is one for.
func (c *catalogue) of(wanted ...language.Tag) *tongue {
	_, i, _ := c.matcher.Match(wanted...)
	return c.tongues[i]
}

// choose returns the tongue of a page, chosen as authentik chooses its own: what
// the browser asks for, then the default of authentik's brand. A brand with a default speaks
// to visitors who are not signed in in nothing else, and then so does the page;
// answered is the language of authentik's answer, by which that shows.
func (c *catalogue) choose(r *http.Request, b flowclient.Brand, answered string) *tongue {
	if c.fixed != nil {
		return c.fixed
	}
	wanted, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // a browser that asks for nonsense asks for nothing
	if brand, err := language.Parse(b.DefaultLocale); err == nil {
		wanted = append(wanted, brand)
		if spoken, err := language.Parse(answered); err == nil && sameLanguage(spoken, brand) {
			wanted = append([]language.Tag{brand}, wanted...)
		}
	}
	return c.of(wanted...)
}

// sameLanguage reports whether two tags name one language, whatever its region.
func sameLanguage(a, b language.Tag) bool {
	first, _ := a.Base()
	second, _ := b.Base()
	return first == second
}
