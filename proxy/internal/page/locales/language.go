package locales

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// languages are the languages for which the catalogue has a file. English, the
// default, is first; the others are in the order of their tags.
var languages = languagesIn(files)

// languagesIn panics if a file is not named after a language: the files are
// embedded at build time.
func languagesIn(files fs.FS) []language.Tag {
	names, err := fs.Glob(files, "active.*.toml")
	if err != nil {
		panic(err)
	}
	tags := []language.Tag{language.English}
	for _, name := range names {
		tag := language.MustParse(strings.TrimSuffix(strings.TrimPrefix(name, "active."), ".toml"))
		if tag != language.English {
			tags = append(tags, tag)
		}
	}
	return tags
}

var matcher = language.NewMatcher(languages)

// languageIndex returns the index in languages of the language of a tag,
// whatever the region. Another language that its speakers probably understand,
// such as German for Swiss German, does not count: authentik would not choose
// it, and the page would mix two languages.
func languageIndex(tag language.Tag) (i int, ok bool) {
	_, i, confidence := matcher.Match(tag)
	wanted, _ := tag.Base()
	found, _ := languages[i].Base()
	return i, confidence >= language.High && wanted == found
}

// Check returns an error if the pages are not available in the language
// with this tag.
func Check(tag string) error {
	wanted, err := language.Parse(tag)
	if err != nil {
		return fmt.Errorf("%q is not a language tag; write one of %s", tag, languageList())
	}
	if _, ok := languageIndex(wanted); !ok {
		return fmt.Errorf("the pages are not translated to %q: they would be in English, and authentik's texts in that language; write one of %s", tag, languageList())
	}
	return nil
}

func languageList() string {
	names := make([]string, 0, len(languages))
	for _, tag := range languages {
		names = append(names, tag.String())
	}
	return strings.Join(names, ", ")
}

// match returns the locale of the first wanted language that is available, or
// English.
func (c *Catalogue) match(wanted ...language.Tag) *Locale {
	for _, tag := range wanted {
		if i, ok := languageIndex(tag); ok {
			return c.locales[i]
		}
	}
	return c.locales[0]
}

// Choose returns the locale of a page. It chooses as authentik does: the
// language that the browser asks for, then the default of the brand. For
// visitors who have not signed in, authentik uses the default of the brand
// first, whatever the browser asks for and whatever Content-Language says.
func (c *Catalogue) Choose(acceptLanguage, brand string, authenticated bool) *Locale {
	if c.fixed != nil {
		return c.fixed
	}
	wanted := acceptedLanguages(acceptLanguage)
	byDefault, err := language.Parse(brand)
	switch {
	case err != nil:
	case authenticated:
		wanted = append(wanted, byDefault)
	default:
		wanted = slices.Insert(wanted, 0, byDefault)
	}
	return c.match(wanted...)
}

// maxAcceptLanguage is how many bytes of the header are read. The same number
// is passed on to authentik.
const maxAcceptLanguage = 256

// acceptedLanguages returns the languages of an Accept-Language header, the
// preferred ones first. Each is parsed by itself, since one unknown language
// would make the whole header invalid.
func acceptedLanguages(header string) []language.Tag {
	if len(header) > maxAcceptLanguage {
		header = header[:strings.LastIndexByte(header[:maxAcceptLanguage], ',')+1]
	}
	type accepted struct {
		tag    language.Tag
		weight float32
	}
	var all []accepted
	for one := range strings.SplitSeq(header, ",") {
		tags, weights, err := language.ParseAcceptLanguage(one)
		if err == nil && len(tags) == 1 {
			all = append(all, accepted{tags[0], weights[0]})
		}
	}
	slices.SortStableFunc(all, func(a, b accepted) int { return cmp.Compare(b.weight, a.weight) })
	wanted := make([]language.Tag, 0, len(all)+1)
	for _, a := range all {
		wanted = append(wanted, a.tag)
	}
	return wanted
}
