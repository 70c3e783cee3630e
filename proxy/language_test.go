package proxy

import (
	"html"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/pquerna/otp/totp"
)

// A speaker's browser asks for a language with every request.
type speaker struct {
	http.RoundTripper
	accept string
}

func (s speaker) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Language", s.accept)
	return s.RoundTripper.RoundTrip(r)
}

// speaking is a person whose browser asks for a language.
func (s *site) speaking(t testing.TB, accept string) *person {
	t.Helper()
	p := s.person(t)
	p.http.Transport = speaker{p.http.Transport, accept}
	return p
}

// englishSentences are those of the catalogue that are more than two words, and leave nothing open.
func englishSentences(t testing.TB) []string {
	t.Helper()
	raw, err := os.ReadFile("internal/page/locales/active.en.toml")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(raw)) {
		_, quoted, _ := strings.Cut(strings.TrimSpace(line), " = ")
		if said, err := strconv.Unquote(quoted); err == nil && strings.Count(said, " ") > 1 && !strings.Contains(said, "{{") {
			all = append(all, said)
		}
	}
	if len(all) < 100 {
		t.Fatalf("got %d sentences", len(all))
	}
	return all
}

// shown is a page on the way of a visitor, and what it must say.
type shown struct {
	screen
	want []string
}

// wayOf signs a visitor in with every mistake that can be made, and out again.
func wayOf(t testing.TB, s *site, accept string) []shown {
	t.Helper()
	p := s.speaking(t, accept)
	way := []shown{{p.open("/"), []string{"Benutzername oder E-Mail|E-Mail oder Benutzername", "Anmelden", "Ihre Anmeldung wird von"}}}
	step := func(next screen, want ...string) screen {
		way = append(way, shown{next, want})
		return next
	}
	page := step(p.send(way[0].screen, "uid_field", ""), "Geben Sie den Namen ein, mit dem Sie sich anmelden.")
	page = step(p.send(page, "uid_field", "joe"), "Passwort", "Das sind nicht Sie?", "Weiter")
	page = step(p.send(page, "password", ""), "Geben Sie Ihr Passwort ein.")
	page = step(p.send(page, "password", "wrong"), "Ungültiges Passwort")
	page = step(p.send(page, "password", "let me in"), "Authenticator-App einrichten", "Scannen Sie diesen QR-Code mit der App.")
	page = step(p.send(page, "code", ""), "Geben Sie den Code ein.")
	step(p.send(page, "code", codeOn(t, page)), "Sie haben keinen Zugriff auf diese Anwendung", "Sie sind als joe angemeldet.")
	step(p.open("/.authentik/logout"), "Abmelden?")
	step(p.post("/.authentik/logout", nil), "Sie sind abgemeldet", "Erneut anmelden")
	step(s.speaking(t, accept).send(way[0].screen, "uid_field", "joe"), "Diese Anmeldeseite ist in diesem Browser nicht mehr gültig.")
	step(p.open("/.authentik/nowhere"), "Diese Seite gibt es nicht.")
	step(s.speaking(t, accept).open("/.authentik/login?signed-in=1&to=/x"), "Ihr Browser hat das Sitzungs-Cookie nicht behalten")
	return way
}

// codeOn is a code for the key on a page that sets up an app.
func codeOn(t testing.TB, page screen) string {
	t.Helper()
	secret := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(page.body)
	if secret == nil {
		t.Fatalf("got no key on the page:\n%s", page.body)
	}
	code, err := totp.GenerateCode(secret[1], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestLanguage_VisitIsGermanThroughout: our own words and authentik's, mistakes and failures
// included, whether the browser asks for it or the operator has settled it.
func TestLanguage_VisitIsGermanThroughout(t *testing.T) {
	t.Parallel()
	english := englishSentences(t)
	for name, row := range map[string]struct{ fixed, accept string }{
		"the browser asks for it":                      {"", "de-AT,de;q=0.9,en;q=0.5"},
		"the operator fixes it":                        {"de", "en-GB,en;q=0.9"},
		"the operator fixes the German of Austria":     {"de-AT", "fr"},
		"the browser asks for a language that we lack": {"", "nb,de;q=0.5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, on := range wayOf(t, languageSite(t, row.fixed), row.accept) {
				body := html.UnescapeString(on.body)
				on.says(t, `<html lang="de" dir="ltr"`)
				for _, want := range on.want {
					if !regexp.MustCompile(want).MatchString(body) {
						t.Errorf("got no %q in:\n%s", want, body)
					}
				}
				for _, sentence := range english {
					if strings.Contains(body, sentence) {
						t.Errorf("got %q in English at %s, want it translated", sentence, on.path)
					}
				}
			}
		})
	}
}

// TestLanguage_DefaultIsEnglish is what shows that the test above could fail.
func TestLanguage_DefaultIsEnglish(t *testing.T) {
	t.Parallel()
	s := languageSite(t, "")
	for _, accept := range []string{"", "en", "nb", "de;q=0", "nonsense;;;"} {
		p := s.speaking(t, accept)
		page := p.open("/")
		page.says(t, `<html lang="en" dir="ltr"`)
		page = p.send(page, "uid_field", "")
		page.says(t, "Enter the name you sign in with.")
		page = p.send(page, "uid_field", "joe")
		p.send(page, "password", "wrong").says(t, "Invalid password")
	}
}

// languageSite is a site that few may use, with a login that sets up an app.
func languageSite(t testing.TB, fixed string) *site {
	t.Helper()
	return newSite(t, func(c *Config) {
		c.Flow, c.Application, c.Page.Language = "words", "wiki", fixed
	}, loginFlow("words", authentiktest.Binding{Stage: &authentiktest.AuthenticatorTOTPStage{}}))
}
