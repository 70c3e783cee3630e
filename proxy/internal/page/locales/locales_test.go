package locales

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"
)

// A wordList is the file of a language: its sentences, and their names and the
// headings of its sections in the order of the file.
type wordList struct {
	says  map[string]string
	order []string
}

func wordsIn(t testing.TB, tag language.Tag) wordList {
	t.Helper()
	raw, err := files.ReadFile("active." + tag.String() + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	var w wordList
	if err := toml.Unmarshal(raw, &w.says); err != nil {
		t.Fatalf("%s: got error %v, want none", tag, err)
	}
	_, body, _ := strings.Cut(string(raw), "\n\n# On every page\n")
	for line := range strings.Lines(body) {
		name, _, sentence := strings.Cut(strings.TrimSpace(line), " = ")
		if sentence || strings.HasPrefix(name, "#") {
			w.order = append(w.order, name)
		}
	}
	return w
}

// others are the languages that are translated into.
func others() []language.Tag { return languages[1:] }

// inEveryLanguage runs a test for each of them.
func inEveryLanguage(t *testing.T, test func(t *testing.T, english, other wordList)) {
	t.Helper()
	if len(others()) < 5 {
		t.Fatalf("got %d languages besides English, want all files", len(others()))
	}
	for _, tag := range others() {
		t.Run(tag.String(), func(t *testing.T) {
			t.Parallel()
			test(t, wordsIn(t, language.English), wordsIn(t, tag))
		})
	}
}

func TestLocale_HasEverySentenceOfEnglish(t *testing.T) {
	t.Parallel()
	inEveryLanguage(t, func(t *testing.T, english, other wordList) {
		for _, name := range english.order {
			if !slices.Contains(other.order, name) {
				t.Errorf("got no %q, want it translated, at the same place as in active.en.toml", name)
			}
		}
		for _, name := range other.order {
			if !slices.Contains(english.order, name) {
				t.Errorf("got %q, which is not in active.en.toml, want it removed or renamed", name)
			}
		}
		if !t.Failed() && !slices.Equal(english.order, other.order) {
			t.Error("got the messages or headings in another order, want that of active.en.toml")
		}
	})
}

var blanksOpen = regexp.MustCompile(`{{[^}]*}}`)

func TestLocale_SentencesHaveThePlaceholdersOfEnglish(t *testing.T) {
	t.Parallel()
	inEveryLanguage(t, func(t *testing.T, english, other wordList) {
		for name, sentence := range other.says {
			want := slices.Sorted(slices.Values(blanksOpen.FindAllString(english.says[name], -1)))
			got := slices.Sorted(slices.Values(blanksOpen.FindAllString(sentence, -1)))
			if !slices.Equal(got, want) {
				t.Errorf("%s leaves open %q, want %q as in English: %q", name, got, want, sentence)
			}
		}
	})
}

// sloppy finds what no sentence should have: blanks at its ends or two in a row, markup,
// half a pair of braces, authentik with a capital, and three dots for an ellipsis.
var sloppy = regexp.MustCompile(`^\s|\s$|^$|\s\s|[<>&]|[^{]{[^{]|[^}]}[^}]|Authentik|\.\.\.|[\x00-\x1f]`)

func TestLocale_SentencesAreTidy(t *testing.T) {
	t.Parallel()
	for _, tag := range languages {
		for name, sentence := range wordsIn(t, tag).says {
			if found := sloppy.FindString(sentence); found != "" || sentence == "" {
				t.Errorf("%s in %s: got %q in %q, want nothing of that kind", name, tag, found, sentence)
			}
		}
	}
}

// ends are the marks at the end of a sentence, in any script.
const ends = ".。:：?？…"

// TestLocale_LabelsStayLabels finds buttons that have become sentences, and sentences without an end.
func TestLocale_LabelsStayLabels(t *testing.T) {
	t.Parallel()
	inEveryLanguage(t, func(t *testing.T, english, other wordList) {
		for name, sentence := range other.says {
			want, got := strings.ContainsAny(lastRune(english.says[name]), ends), strings.ContainsAny(lastRune(sentence), ends)
			if want != got {
				t.Errorf("%s: got the end of %q, want it as in English: %q", name, sentence, english.says[name])
			}
		}
	})
}

func lastRune(s string) string {
	runes := []rune(s)
	if len(runes) == 0 {
		return ""
	}
	return string(runes[len(runes)-1])
}

// alike are sentences that are the same as in English, with the languages where that is
// so and the reason. Another one is a sentence that was forgotten.
var alike = map[string]struct{ languages, why string }{
	"the_other": {"de es fr it nl pt pl ja zh-Hans zh-Hant", "the name of a product"},
	"optional":  {"de", "the word is the same"},
	"code":      {"de fr nl", "the word is the same"},
	"login_no":  {"es it", "the word is the same"},
	"password":  {"it", "the usual word is the English one"},
}

func TestLocale_NothingIsLeftInEnglish(t *testing.T) {
	t.Parallel()
	english := wordsIn(t, language.English)
	for _, tag := range others() {
		for name, sentence := range wordsIn(t, tag).says {
			allowed := slices.Contains(strings.Fields(alike[name].languages), tag.String())
			switch same := sentence == english.says[name]; {
			case same && !allowed:
				t.Errorf("%s in %s: got the English text %q, want a translation, or a reason in alike", name, tag, sentence)
			case !same && allowed:
				t.Errorf("%s in %s: got a translation, want it removed from alike", name, tag)
			}
		}
	}
}

// A device has an icon beside its name, which leaves 21 letters on a telephone of
// 320 pixels. Longer words need a soft hyphen.
func TestLocale_NamesOfDevicesFitOnATelephone(t *testing.T) {
	t.Parallel()
	inEveryLanguage(t, func(t *testing.T, _, other wordList) {
		for name, sentence := range other.says {
			if !strings.HasPrefix(name, "device_") {
				continue
			}
			for _, word := range strings.FieldsFunc(sentence, func(c rune) bool { return c == ' ' || c == '-' || c == '\u00ad' }) {
				if n := len([]rune(word)); n > 21 && word[0] < 0x80 {
					t.Errorf("%s: got the word %s of %d letters, want a soft hyphen in it", name, word, n)
				}
			}
		}
	})
}
