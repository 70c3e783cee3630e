package testsite

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// Kim comes from another provider.
const Kim = "kim"

// GitHub starts another provider, which signs in any visitor as Kim without
// asking.
func GitHub(t testing.TB) authentiktest.Source {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		back, err := url.Parse(r.URL.Query().Get("redirect_uri"))
		if err != nil {
			t.Error(err)
			return
		}
		back.RawQuery = url.Values{"code": {"of Kim"}, "state": {r.URL.Query().Get("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // a provider of tests, which knows no clients
	}))
	t.Cleanup(provider.Close)
	return authentiktest.Source{
		Slug: "github", Name: "GitHub", Kind: authentiktest.SourceOAuth, ClientID: "us", URL: provider.URL + "/authorize",
		Person: func(code string) (authentiktest.Person, error) {
			return authentiktest.Person{ID: code, Username: Kim, Name: "Kim Possible", Email: "kim@example.com"}, nil
		},
		AuthenticationFlow: "default-source-authentication", EnrollmentFlow: "default-source-enrollment",
	}
}
