package oidc

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// several are two gates of one site, the first of which demands a second factor
// that the user does not have. The second answers the addresses of both.
const several = `handle /mfa/* {
		authentik AUTHENTIK {
			OPTIONS
			require mfa
		}
		reverse_proxy APPLICATION
	}
	handle {
		authentik AUTHENTIK {
			OPTIONS
		}
		reverse_proxy APPLICATION
	}`

// TestSeveral_GatesOfOneSiteRefuseOnce opens a path of each of two gates, by both
// ways to show a login: the strict one refuses, once, and the other lets in.
func TestSeveral_GatesOfOneSiteRefuseOnce(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"page", "redirect"} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			chromium.Find(t)
			options := strings.Join([]string{
				"public_url https://auth.localhost:PORT", "application app", `client_id "gate of app"`,
				"client_secret {env.CLIENT_SECRET}", "login " + login,
			}, "\n\t\t\t")
			u := testsite.Setup{
				Scheme: "https", More: "https://auth.localhost:PORT {\n\tbind 127.0.0.1\n\treverse_proxy AUTHENTIK\n}\n",
				Authentik: authentiktest.Config{}, Routes: strings.ReplaceAll(several, "OPTIONS", options),
			}
			s := u.OIDC().Start(t)
			auth := strings.Replace(s.Address, "localhost", "auth.localhost", 1)
			s.AwaitHost(auth + "/")

			w := chromium.Open(t, s.Address)
			w.Open("/wiki/x")
			enter(w, login)
			w.Landed("/wiki/x")
			w.Open("/mfa/x")
			enter(w, login)
			w.Await("main code")
			if got := w.Text("main"); !strings.Contains(got, "step-up-refused") {
				t.Errorf("got the page %q, want step-up-refused", got)
			}
		})
	}
}

// enter signs in where the browser is asked to.
func enter(w *chromium.Window, login string) {
	if login == "redirect" {
		w.CredentialsAtAuthentik()
		return
	}
	w.Credentials()
}
