package page

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/text/language"
)

// languages are those that the catalogue has a file for, English first: it stands in
// where a visitor speaks none of them. The others follow by their tags.
var languages = languagesIn(localeFiles)

// languagesIn panics where a file has a name that is no language's: files become part
// of the program when it is built.
func languagesIn(files fs.FS) []language.Tag {
	names, err := fs.Glob(files, "locales/active.*.toml")
	if err != nil {
		panic(err)
	}
	tags := []language.Tag{language.English}
	for _, name := range names {
		tag := language.MustParse(strings.TrimSuffix(strings.TrimPrefix(name, "locales/active."), ".toml"))
		if tag != language.English {
			tags = append(tags, tag)
		}
	}
	return tags
}

var matcher = language.NewMatcher(languages)

// placeOf returns the place in languages of the one that is spoken by whoever speaks tag,
// whatever its region. Another language that its speakers are likely to know as well, as
// those of Swiss German know German, does not count: authentik would not choose
// it either, and the page would speak two.
func languageIndex(tag language.Tag) (at int, ok bool) {
	_, at, sure := matcher.Match(tag)
	wanted, _ := tag.Base()
	found, _ := languages[at].Base()
	return at, sure >= language.High && wanted == found
}

// CheckLanguage says what is wrong with a tag as the language of all pages: it is
// none, or there are no words in it.
func CheckLanguage(tag string) error {
	wanted, err := language.Parse(tag)
	if err != nil {
		return fmt.Errorf("%q is no language tag; write one of %s", tag, languageList())
	}
	if _, ok := languageIndex(wanted); !ok {
		return fmt.Errorf("the pages have no words in %q: they would stay in English while authentik speaks that language; write one of %s", tag, languageList())
	}
	return nil
}

// spoken lists the languages by their tags.
func languageList() string {
	names := make([]string, 0, len(languages))
	for _, tag := range languages {
		names = append(names, tag.String())
	}
	return strings.Join(names, ", ")
}

// of returns the tongue of the first of the languages that there is one for.
func (c *catalogue) match(wanted ...language.Tag) *locale {
	for _, tag := range wanted {
		if at, ok := languageIndex(tag); ok {
			return c.locales[at]
		}
	}
	return c.locales[0]
}

// choose returns the tongue of a page, chosen as authentik chooses its own: what
// the browser asks for, then the default of authentik's brand. To visitors who have
// not signed in yet a brand with a default speaks nothing else, whatever their
// browsers ask for and whatever Content-Language says, and then so does the page.
func (c *catalogue) choose(r *http.Request, b flowclient.Brand, known bool) *locale {
	if c.fixed != nil {
		return c.fixed
	}
	wanted := acceptedLanguages(r.Header.Get("Accept-Language"))
	brand, err := language.Parse(b.DefaultLocale)
	switch {
	case err != nil:
	case known:
		wanted = append(wanted, brand)
	default:
		wanted = slices.Insert(wanted, 0, brand)
	}
	return c.match(wanted...)
}

// maxAsked is how much of a header is read, in bytes: as much as authentik is told
// of it.
const maxAcceptLanguage = 256

// preferred returns the languages of an Accept-Language header, the dearest first.
// Each is read by itself: the whole would be refused for one that is unknown.
func acceptedLanguages(header string) []language.Tag {
	if len(header) > maxAcceptLanguage {
		header = header[:strings.LastIndexByte(header[:maxAcceptLanguage], ',')+1]
	}
	type wish struct {
		tag    language.Tag
		weight float32
	}
	var wishes []wish
	for one := range strings.SplitSeq(header, ",") {
		tags, weights, err := language.ParseAcceptLanguage(one)
		if err == nil && len(tags) == 1 {
			wishes = append(wishes, wish{tags[0], weights[0]})
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.weight, a.weight) })
	wanted := make([]language.Tag, 0, len(wishes)+1)
	for _, w := range wishes {
		wanted = append(wanted, w.tag)
	}
	return wanted
}
