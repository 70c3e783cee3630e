package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// kim comes from another provider.
const kim = "kim"

// newGitHub is another place to sign in, which knows everybody who comes by one code.
func newGitHub(t testing.TB) authentiktest.Source {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		back, err := url.Parse(r.URL.Query().Get("redirect_uri"))
		if err != nil {
			t.Error(err)
			return
		}
		back.RawQuery = url.Values{"code": {"of Kim"}, "state": {r.URL.Query().Get("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound)
	}))
	t.Cleanup(provider.Close)
	return authentiktest.Source{
		Slug: "github", Name: "GitHub", Kind: authentiktest.SourceOAuth, ClientID: "us", URL: provider.URL + "/authorize",
		Person: func(code string) (authentiktest.Person, error) {
			return authentiktest.Person{ID: code, Username: kim, Name: "Kim Possible", Email: "kim@example.com"}, nil
		},
		AuthenticationFlow: "default-source-authentication", EnrollmentFlow: "default-source-enrollment",
	}
}

// TestAPersonOfAnotherProviderComesBackSignedIn: from authentik's own pages, and from the gate's page by way of them. authentik's
// host alone is where the provider sends anybody back to.
func TestAPersonOfAnotherProviderComesBackSignedIn(t *testing.T) {
	t.Parallel()
	const button = `a[href="/source/oauth/login/github/"]`
	for name, tt := range map[string]struct {
		login string
		goes  func(w *window) // to authentik's own page
	}{
		"redirect": {"login redirect", func(*window) {}},
		"page": {"login page", func(w *window) {
			w.press("button[name=source]")
			w.press(`a[href*="at=authentik"]`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := newGitHub(t)
			r := redirecting(t, authentiktest.Config{Sources: []authentiktest.Source{source}, Flows: []authentiktest.Flow{{
				Slug: loginFlow, Title: "Welcome", Bindings: bound([]authentiktest.Stage{
					&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{source}},
					&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
				}),
			}}}, tt.login)
			w := newWindow(t, r.address)
			w.open(deep)
			tt.goes(w)
			w.shows(button)
			w.press(button)
			w.landed(deep)
			w.hears("#headers", "kim@example.com")
		})
	}
}
