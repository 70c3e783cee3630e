package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/text/language"
)

// speaking are pages that are in one language, whatever a browser asks for.
func pagesIn(t testing.TB, tag language.Tag) *Pages {
	t.Helper()
	cfg := testPageConfig()
	cfg.Language = tag.String()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPage_EveryLanguage draws all pages that are looked at, and looks for
// the names of sentences, and for English ones, in what people see or hear.
func TestPage_EveryLanguage(t *testing.T) {
	t.Parallel()
	english := wordsIn(t, language.English)
	for _, tag := range languages {
		t.Run(tag.String(), func(t *testing.T) {
			t.Parallel()
			for name, page := range drawnIn(t, pagesIn(t, tag)) {
				checkPage(t, page)
				has(t, page, fmt.Sprintf(`<html lang=%q dir="ltr"`, tag))
				for _, text := range visibleTexts(t, page) {
					if at, ok := bareName(text, english); ok {
						t.Errorf("%s: got the name %q instead of its sentence", name, at)
					}
					if at, ok := inEnglish(text, english); ok && tag != language.English {
						t.Errorf("%s: got %q in English", name, at)
					}
				}
			}
		})
	}
}

// drawnIn are the pages that are looked at, and those that are no question, as
// pages in one language draw them.
func drawnIn(t testing.TB, p *Pages) map[string]string {
	t.Helper()
	all := map[string]string{}
	draw := func(name string, paint func(http.ResponseWriter, *http.Request) error) {
		w := httptest.NewRecorder()
		if err := paint(w, httptest.NewRequest(http.MethodGet, "/.authentik/login", nil)); err != nil {
			t.Fatal(name, err)
		}
		all[name] = w.Body.String()
	}
	for name := range handmade(t) {
		q := handmadeQuestion(t, name)
		draw(name, func(w http.ResponseWriter, r *http.Request) error { return p.Ask(w, r, q) })
	}
	ownPages(p, func(name string, paint http.HandlerFunc) {
		draw(name, func(w http.ResponseWriter, r *http.Request) error { paint(w, r); return nil })
	})
	return all
}

// ownPages are those that are no question.
func ownPages(p *Pages, add func(string, http.HandlerFunc)) {
	b := testBrand()
	for _, code := range failures() {
		f := Failure{Code: code, Status: http.StatusBadGateway}
		add(code, func(w http.ResponseWriter, r *http.Request) { p.Fail(w, r, f, "/app", b) })
	}
	for _, why := range []string{"loop_no_cookie", "loop_no_session", "loop_other_gate", "loop_step_up"} {
		f := Failure{Code: codeSignInLoop, Status: http.StatusLoopDetected, Cause: why}
		add(why, func(w http.ResponseWriter, r *http.Request) { p.Fail(w, r, f, "/app", b) })
	}
	add("forbid", func(w http.ResponseWriter, r *http.Request) { p.Forbid(w, r, notAllowed, "jane.doe", nil, "/app", b) })
	add("sign out", func(w http.ResponseWriter, r *http.Request) { p.SignOut(w, r, "jane.doe", b) })
	add("step up", func(w http.ResponseWriter, r *http.Request) { p.Forbid(w, r, tooWeak, "jane.doe", nil, "/app", b) })
	add("framed", func(w http.ResponseWriter, r *http.Request) { p.Framed(w, r, framedHere, b) })
	add("framed elsewhere", func(w http.ResponseWriter, r *http.Request) { p.Framed(w, r, FrameLinks{Own: "/app"}, b) })
	add("arrived", func(w http.ResponseWriter, r *http.Request) { p.SignedInFromFrame(w, r, "jane.doe", b) })
	add("signing out", func(w http.ResponseWriter, r *http.Request) { p.SigningOut(w, r, "https://auth.example.com/end", b) })
	for how := range signOutMessages {
		add("signed out "+string(how), func(w http.ResponseWriter, r *http.Request) { p.SignedOut(w, r, how, b) })
	}
}

// readAloud are attributes whose values reach people.
var spokenAttributes = []string{"alt", "title", "aria-label", "placeholder"}

// perceived are the texts of a page that people see, or that screen readers and
// scripts say to them.
func visibleTexts(t testing.TB, page string) []string {
	t.Helper()
	texts := strings.Split(plainText(page), "\n")
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements(doc) {
		for _, a := range e.Attr {
			if slices.Contains(spokenAttributes, a.Key) || strings.HasPrefix(a.Key, "data-") {
				texts = append(texts, a.Val)
			}
		}
	}
	return texts
}

// bareName finds the name of a sentence that stands where the sentence should.
func bareName(text string, english wordList) (string, bool) {
	for word := range strings.FieldsSeq(text) {
		if _, named := english.says[word]; named && strings.Contains(word, "_") {
			return word, true
		}
	}
	return "", false
}

// inEnglish finds an English sentence. One or two words are not looked for: challenges
// have them too, and what authentik says is not ours to translate.
func inEnglish(text string, english wordList) (string, bool) {
	for _, sentence := range english.says {
		if strings.Count(sentence, " ") > 1 && !strings.Contains(sentence, "{{") && strings.Contains(text, sentence) {
			return sentence, true
		}
	}
	return "", false
}

// BenchmarkWordsOfAPage chooses the language of a page and says what stands on that of
// the identification; beside it, for comparison, the whole page.
func BenchmarkWordsOfAPage(b *testing.B) {
	p := testPages(b)
	r := httptest.NewRequest(http.MethodGet, "/.authentik/login", nil)
	r.Header.Set("Accept-Language", "de-AT,de;q=0.9,en;q=0.8,fr;q=0.7")
	q := handmadeQuestion(b, "identification")
	b.Run("words", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l := p.catalogue.choose(r, q.Brand, false)
			for _, name := range []string{"sign_in", "log_in", "name_email_username", "password", "show_password", "forgot", "enroll", "or", "remember_name", "passwordless", "more", "the_other"} {
				l.text(name)
			}
			l.text("into", "Name", "Wiki")
			l.text("checked_by", "Host", "auth.example.com")
		}
	})
	b.Run("page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Ask(httptest.NewRecorder(), r, q); err != nil {
				b.Fatal(err)
			}
		}
	})
}
