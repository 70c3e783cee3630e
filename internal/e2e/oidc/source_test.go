package oidc

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

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
			source := testsite.GitHub(t)
			cfg := testsite.Flow(
				&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{source}},
				&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
			)
			cfg.Sources = []authentiktest.Source{source}
			r := start(t, cfg, tt.login)
			r.Users = append(r.Users, testsite.Kim)
			w := chromium.Open(t, r.Address)
			w.Open(deep)
			tt.leads(w)
			w.Click(button)
			w.Landed(deep)
			w.AwaitText("#headers", "kim@example.com")
		})
	}
}
