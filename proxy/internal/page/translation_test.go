package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"golang.org/x/net/html"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/markup"
)

// languages are the tags of the languages that there are messages in.
func languages(t testing.TB) (tags []string) {
	t.Helper()
	files, err := filepath.Glob("locales/active.*.toml")
	if err != nil || len(files) < 6 {
		t.Fatalf("got the files %q, %v, want one for each language", files, err)
	}
	for _, file := range files {
		tags = append(tags, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "active."), ".toml"))
	}
	return tags
}

// messages are the English ones by their names.
func messages(t testing.TB) (all map[string]string) {
	t.Helper()
	raw, err := os.ReadFile("locales/active.en.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := toml.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// failures are the codes that English has a message for.
func failures(t testing.TB) []string {
	t.Helper()
	var codes []string
	for name := range messages(t) {
		if code, ok := strings.CutPrefix(name, "fail_"); ok && !strings.HasSuffix(code, "_remedy") && code != "client" && code != "server" {
			codes = append(codes, strings.ReplaceAll(code, "_", "-"))
		}
	}
	slices.Sort(codes)
	return codes
}

// pagesIn are pages that are in one language, whatever a browser asks for.
func pagesIn(t testing.TB, tag string) *Pages {
	t.Helper()
	cfg := testPageConfig()
	cfg.Language = tag
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
	english := messages(t)
	for _, tag := range languages(t) {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			for name, page := range drawnIn(t, pagesIn(t, tag)) {
				checkPage(t, page)
				has(t, page, fmt.Sprintf(`<html lang=%q dir="ltr"`, tag))
				for _, text := range visibleTexts(t, page) {
					if at, ok := bareName(text, english); ok {
						t.Errorf("%s: got the name %q instead of its sentence", name, at)
					}
					if at, ok := inEnglish(text, english); ok && tag != "en" {
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
	ownPages(t, p, func(name string, paint http.HandlerFunc) {
		draw(name, func(w http.ResponseWriter, r *http.Request) error { paint(w, r); return nil })
	})
	return all
}

// ownPages are those that are no question.
func ownPages(t testing.TB, p *Pages, add func(string, http.HandlerFunc)) {
	b := testBrand()
	for _, code := range failures(t) {
		f := Failure{Code: code, Status: http.StatusBadGateway}
		add(code, func(w http.ResponseWriter, r *http.Request) { p.Fail(w, r, f, "/app", b) })
	}
	for _, why := range []string{"loop_no_cookie", "loop_no_session", "loop_other_gate", "loop_step_up"} {
		f := Failure{Code: codeSignInLoop, Status: http.StatusLoopDetected, Cause: why}
		add(why, func(w http.ResponseWriter, r *http.Request) { p.Fail(w, r, f, "/app", b) })
	}
	add("forbid", func(w http.ResponseWriter, r *http.Request) { p.Forbid(w, r, notAllowed, "jane.doe", nil, "/app", b) })
	add("unsigned", func(w http.ResponseWriter, r *http.Request) {
		p.Fail(w, r, Failure{Code: "denied-by-flow", Status: http.StatusForbidden, Cause: "returned_unsigned"}, "/app", b)
	})
	add("several", func(w http.ResponseWriter, r *http.Request) {
		p.Several(w, r, Failure{Code: "several-sessions", Status: http.StatusBadRequest}, "/.authentik/sign-in?request=v.x", b)
	})
	add("sign out", func(w http.ResponseWriter, r *http.Request) { p.SignOut(w, r, "jane.doe", b) })
	add("step up", func(w http.ResponseWriter, r *http.Request) { p.Forbid(w, r, tooWeak, "jane.doe", nil, "/app", b) })
	add("framed", func(w http.ResponseWriter, r *http.Request) { p.Framed(w, r, framedHere, b) })
	add("framed elsewhere", func(w http.ResponseWriter, r *http.Request) { p.Framed(w, r, FrameLinks{Own: "/app"}, b) })
	add("framed failure", func(w http.ResponseWriter, r *http.Request) { p.FailFramed(w, r, notAllowed, "/app", b) })
	add("arrived", func(w http.ResponseWriter, r *http.Request) { p.SignedInFromFrame(w, r, "jane.doe", b) })
	late := LateForm{SignIn: "/.authentik/login", Continue: "/.authentik/late", Fields: []Field{{Name: "late", Value: "x"}}, Files: []string{"report.pdf"}}
	add("late form", func(w http.ResponseWriter, r *http.Request) { p.Late(w, r, late, b) })
	add("late form, lost", func(w http.ResponseWriter, r *http.Request) { p.LateLost(w, r, "/.authentik/login", b) })
	add("late form, foreign", func(w http.ResponseWriter, r *http.Request) { p.LateForeign(w, r, "/.authentik/login", b) })
	add("late form, signed in", func(w http.ResponseWriter, r *http.Request) { p.LateSignedIn(w, r, "jane.doe", b) })
	add("late form, sent", func(w http.ResponseWriter, r *http.Request) {
		p.LateSend(w, r, LateSend{To: "/app", Username: "jane.doe", Files: true}, b)
	})
	add("late form, other", func(w http.ResponseWriter, r *http.Request) { p.LateOther(w, r, late, "jane.doe", b) })
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
	texts := strings.Split(markup.Text(page), "\n")
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
func bareName(text string, english map[string]string) (string, bool) {
	for word := range strings.FieldsSeq(text) {
		if _, named := english[word]; named && strings.Contains(word, "_") {
			return word, true
		}
	}
	return "", false
}

// inEnglish finds an English sentence. One or two words are not looked for: challenges
// have them too, and what authentik says is not ours to translate.
func inEnglish(text string, english map[string]string) (string, bool) {
	for _, sentence := range english {
		if strings.Count(sentence, " ") > 1 && !strings.Contains(sentence, "{{") && strings.Contains(text, sentence) {
			return sentence, true
		}
	}
	return "", false
}

func TestFailure_HasARemedy(t *testing.T) {
	t.Parallel()
	known, codes := messages(t), failures(t)
	if len(codes) < 25 {
		t.Errorf("got only %d failures, want at least 25: %q", len(codes), codes)
	}
	for _, code := range codes {
		if remedy := (Failure{Code: code}).messageName() + "_remedy"; known[remedy] == "" {
			t.Errorf("got no %s, want one", remedy)
		}
	}
	for name := range known {
		if code, ok := strings.CutSuffix(name, "_remedy"); ok && known[code] == "" {
			t.Errorf("got no %s, want one for its remedy", code)
		}
	}
}

// actions are those of templates.
var actions = regexp.MustCompile(`{{[^}]*}}`)

// attribute is one that no person reads; those that are read aloud stay, quoted.
var attribute = regexp.MustCompile(` ?\b([-a-z]+)="[^"]*"`)

// TestTemplates_HaveNoTextOfTheirOwn: such text would be English in every language.
func TestTemplates_HaveNoTextOfTheirOwn(t *testing.T) {
	t.Parallel()
	texts := templateTexts(t)
	if len(texts) < 15 {
		t.Fatalf("got %d templates, want at least 15", len(texts))
	}
	for name, text := range texts {
		text = attribute.ReplaceAllStringFunc(actions.ReplaceAllString(text, ""), func(a string) string {
			if key, value, _ := strings.Cut(strings.TrimSpace(a), "="); slices.Contains(spokenAttributes, key) {
				return ">" + value + "<b "
			}
			return ""
		})
		if found := regexp.MustCompile(`\pL{2,}`).FindString(markup.Text(text)); found != "" {
			t.Errorf("%s: got the text %q, want it in the catalogue", name, found)
		}
	}
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
			l := p.locale(r, q.Brand, false)
			for _, name := range []string{"sign_in", "log_in", "name_email_username", "password", "show_password", "forgot", "enroll", "or", "remember_name", "passwordless", "more", "the_other"} {
				l.Text(name)
			}
			l.Text("into", "Name", "Wiki")
			l.Text("checked_by", "Host", "auth.example.com")
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
