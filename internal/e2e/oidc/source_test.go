package oidc

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// kim comes from another provider.
const kim = "kim"

// newGitHub is another provider, which signs in any visitor without asking.
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

// TestSource_UserComesBackSignedIn: from authentik's own pages, and from the
// gate's page by way of them. The provider sends users back to authentik's host
// only.
func TestSource_UserComesBackSignedIn(t *testing.T) {
	t.Parallel()
	const button = `a[href="/source/oauth/login/github/"]`
	for name, tt := range map[string]struct {
		login string
		leads func(w *chromium.Window) // to authentik's own page
	}{
		"redirect": {"login redirect", func(*chromium.Window) {}},
		"page": {"login page", func(w *chromium.Window) {
			w.Click("button[name=source]")
			w.Click(`a[href*="at=authentik"]`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := newGitHub(t)
			cfg := testsite.Flow(
				&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{source}},
				&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
			)
			cfg.Sources = []authentiktest.Source{source}
			r := start(t, cfg, tt.login)
			r.Users = append(r.Users, kim)
			w := chromium.Open(t, r.Address)
			w.Open(deep)
			tt.leads(w)
			w.Click(button)
			w.Landed(deep)
			w.AwaitText("#headers", "kim@example.com")
		})
	}
}
