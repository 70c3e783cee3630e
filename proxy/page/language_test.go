package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// choice is the tag of the language of a page, for what a browser and a brand say.
func choice(t testing.TB, fixed, header, brand string, known bool) string {
	t.Helper()
	c, err := newCatalogue(fixed)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", header)
	return c.choose(r, flowclient.Brand{DefaultLocale: brand}, known).tag.String()
}

func TestALongHeaderIsReadAsFarAsAuthentikIsToldOfIt(t *testing.T) {
	t.Parallel()
	if got := preferred(strings.Repeat("x", maxAsked)); len(got) != 0 {
		t.Errorf("%v from nonsense", got)
	}
	before := strings.Repeat("xx, ", maxAsked/4-1)
	if got := preferred(before + "de"); len(got) != 1 || got[0].String() != "de" {
		t.Errorf("%v at the end of what is read", got)
	}
	for _, cut := range []string{before + "de-AT", before + "xx, de"} {
		if got := preferred(cut); len(got) != 0 {
			t.Errorf("%v from beyond, or from half a tag", got)
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
				preferred(header)
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
	c, err := newCatalogue("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, brand string, known bool) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", header)
		if c.choose(r, flowclient.Brand{DefaultLocale: brand}, known) == nil {
			t.Error("no language")
		}
	})
}
