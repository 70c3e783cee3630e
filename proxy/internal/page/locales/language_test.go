package locales

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// choice is the tag of the language of a page, for what a browser and a brand say.
func choice(t testing.TB, fixed, header, brand string, known bool) string {
	t.Helper()
	c, err := New(fixed)
	if err != nil {
		t.Fatal(err)
	}
	return c.Choose(header, brand, known).Tag()
}

func TestLanguage_LongHeaderIsReadUpToTheLimit(t *testing.T) {
	t.Parallel()
	if got := acceptedLanguages(strings.Repeat("x", maxAcceptLanguage)); len(got) != 0 {
		t.Errorf("got languages %v of an invalid header, want none", got)
	}
	before := strings.Repeat("xx, ", maxAcceptLanguage/4-1)
	if got := acceptedLanguages(before + "de"); len(got) != 1 || got[0].String() != "de" {
		t.Errorf("got languages %v at the limit of the header", got)
	}
	for _, cut := range []string{before + "de-AT", before + "xx, de"} {
		if got := acceptedLanguages(cut); len(got) != 0 {
			t.Errorf("got languages %v from beyond the limit or from part of a tag, want none", got)
		}
	}
}

func TestLanguage_IsTheBrowsers(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"": "en", "*": "en", "en": "en", "en-GB,en;q=0.9,de;q=0.5": "en", "de": "de", "de-AT": "de", "de-CH-1996": "de", "DE_de": "de",
		"fr-CA,fr;q=0.9,en;q=0.8": "fr", "es-419": "es", "it-CH": "it", "nl-BE": "nl",
		"pt-BR": "pt", "pt-PT": "pt", "pl-PL": "pl", "ja-JP": "ja",
		"zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh-Hant-MO": "zh-Hant", "zh-Hans-HK": "zh-Hans",
		// Neither languages that we lack nor those that their speakers may know.
		"nb": "en", "nb,nn;q=0.9": "en", "gsw": "en", "af": "en", "lb": "en", "ca": "en", "xx": "en", "klingon": "en", "\x00;;q=,": "en", "tr,ar;q=0.5": "en",
		"nb,de;q=0.5": "de", "xx-YY, fr": "fr", "not a tag,it;q=0.1": "it",
		// The dearest comes first, wherever it stands; one of no worth is not wanted.
		"de;q=0.5,fr;q=0.9": "fr", "en;q=0.1,de": "de", "de;q=0.7,fr;q=0.7": "de", "fr;q=0,de;q=0.2": "de", "de;q=0": "en",
		strings.Repeat("xx,", 1<<18) + "de": "en", "de," + strings.Repeat("fr,", 1<<18): "de",
	} {
		if got := choice(t, "", header, "", true); got != want {
			t.Errorf("%.60q: got language %q, want %q", header, got, want)
		}
	}
}

func TestLanguage_OrderOfBrandAndBrowser(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fixed, header, brand string
		known                bool
		want                 string
	}{
		{"", "fr", "de", false, "de"},
		{"", "fr", "de", true, "fr"},
		{"", "nb", "de", true, "de"},
		{"", "fr", "", false, "fr"},
		{"", "fr", "nb", false, "fr"},
		{"", "fr", "no tag", false, "fr"},
		{"it", "fr", "de", false, "it"},
		{"it", "fr", "de", true, "it"},
		{"de-AT", "fr", "", true, "de"},
	} {
		if got := choice(t, row.fixed, row.header, row.brand, row.known); got != row.want {
			t.Errorf("%+v: got %q", row, got)
		}
	}
}

func TestLanguage_EnglishComesFirst(t *testing.T) {
	t.Parallel()
	if languages[0] != language.English {
		t.Errorf("got %s first, want English", languages[0])
	}
	if rest := strings.Split(languageList(), ", ")[1:]; !slices.IsSorted(rest) || slices.Contains(rest, "en") {
		t.Errorf("got the other languages %q, want them sorted", rest)
	}
}

func TestLanguage_OnlyATranslatedOneCanBeFixed(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"de": "", "en-GB": "", "fr-CA": "", "nb": "not translated to", "gsw": "not translated to", "german": "is not a language tag", "": "is not a language tag",
	} {
		err := Check(tag)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), languageList())) {
			t.Errorf("%q: got error %v", tag, err)
		}
	}
}

// BenchmarkAHugeHeader costs what a short one does: a megabyte, read as a whole,
// would cost a thousand times as much.
func BenchmarkAHugeHeader(b *testing.B) {
	for name, piece := range map[string]string{"commas": ",", "languages": "de;q=0.5,", "unknown": "xx,"} {
		header := strings.Repeat(piece, 1<<20/len(piece))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				acceptedLanguages(header)
			}
		})
	}
}

func FuzzAnyHeaderChoosesALanguage(f *testing.F) {
	for _, header := range []string{
		"", "de", "de-AT,de;q=0.9,en;q=0.8", "*", "de;q=", "de;q=x", "de;q=NaN", "de;q=-1", "de;q=1e999", ";;;,,,", "x-a", "i-klingon",
		"zh-Hant-u-co-stroke", "\x00", "ä", strings.Repeat("a-", 300), "en-GB-oed,art-lojban,de;q=0.1;q=1",
	} {
		f.Add(header, "", false)
		f.Add("", header, true)
	}
	c, err := New("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, brand string, known bool) {
		if c.Choose(header, brand, known) == nil {
			t.Error("got no languages, want some")
		}
	})
}
