package page

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

// A recorded challenge is one that a real authentik has sent.
type recorded struct {
	name      string
	challenge flowclient.Challenge
}

// recordings reads the challenges of both releases. Without any of them the
// tests that go through them would all pass.
func recordings(t testing.TB) []recorded {
	t.Helper()
	files, err := filepath.Glob("testdata/challenges/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	for _, f := range files {
		all = append(all, recordingsIn(t, f)...)
	}
	if len(files) < 48 || len(all) < 300 {
		t.Fatalf("got %d files with %d challenges, want more: some are missing", len(files), len(all))
	}
	return all
}

func recordingsIn(t testing.TB, file string) []recorded {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var in []struct {
		From      string
		Challenge json.RawMessage
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatalf("%s: got error %v, want none", file, err)
	}
	all := make([]recorded, 0, len(in))
	for i, one := range in {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/challenges/"), ".json")
		all = append(all, recorded{name + "/" + one.From + "-" + string(rune('a'+i%26)), decode(t, one.Challenge)})
	}
	return all
}

func decode(t testing.TB, raw []byte) flowclient.Challenge {
	t.Helper()
	c, err := flowclient.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onePages are pages as a gate has them, with seals that can be looked through.
// All tests draw with the same ones at once, as visitors do.
var onePages = sync.OnceValues(func() (*Pages, error) { return New(testPageConfig()) })

func testPageConfig() Config {
	return Config{
		Prefix: "/.authentik", PublicHost: "auth.example.com", Root: "https://auth.example.com/",
		Seal: url.QueryEscape,
	}
}

// english is the language that tests read.
var english = mustLocale()

func mustLocale() *locales.Locale {
	words, err := locales.New("")
	if err != nil {
		panic(err)
	}
	return words.Choose("", "", false)
}

func testPages(t testing.TB) *Pages {
	t.Helper()
	p, err := onePages()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testBrand() flowclient.Brand {
	return flowclient.Brand{
		Title: "Example", Logo: "/static/dist/assets/icons/icon_left_brand.svg", Favicon: "/static/dist/assets/icons/icon.png",
		Theme: "automatic", FooterLinks: []flowclient.FooterLink{{Name: "Imprint", Href: "https://example.com/imprint"}},
	}
}

func questionOf(c flowclient.Challenge) Question {
	return Question{
		Step:  flowclient.Step{Flow: flowclient.Flow{Slug: "login"}, Challenge: c},
		Brand: testBrand(), Visit: "sealed-visit", Back: "/app?a=1", Elsewhere: "https://auth.example.com/if/flow/login/",
	}
}

// asking draws a question in answer to a GET, or to a form where there is one.
func ask(t testing.TB, q Question, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/.authentik/login", nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, "/.authentik/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := r.ParseForm(); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	if err := testPages(t).Ask(w, r, q); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPage_EveryRecordedChallengeIsRendered(t *testing.T) {
	t.Parallel()
	for _, rec := range recordings(t) {
		t.Run(rec.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, questionOf(rec.challenge), nil)
			if want := Status(rec.challenge.Component()); w.Code != want {
				t.Errorf("got status %d, want %d", w.Code, want)
			}
			checkPage(t, w.Body.String())
		})
	}
}

// TestFail_LinkSaysWhatTheRemedySays has failures that trying again cannot resolve.
func TestFail_LinkSaysWhatTheRemedySays(t *testing.T) {
	t.Parallel()
	for code := range nextSteps {
		if !slices.Contains(failures(t), code) {
			t.Errorf("got a next step for %q, which is no failure", code)
		}
	}
	for code, want := range map[string]string{
		"visit-expired": "Start over", "visit-lost": "Start over", "too-large": "Start over", "cookies-blocked": "Sign in again", "session-lost": "Sign in again",
		"token-invalid": "Sign in again", "cross-site": "Sign in", "sign-in-required": "Sign in", "not-found": "Continue",
		"method-not-allowed": "Continue", "authentik-unreachable": "Try again",
	} {
		w := httptest.NewRecorder()
		testPages(t).Fail(w, httptest.NewRequest(http.MethodGet, "/", nil), Failure{Code: code, Status: http.StatusBadRequest}, "/app", testBrand())
		has(t, w.Body.String(), `" autofocus>`+want+`</a>`)
	}
}
