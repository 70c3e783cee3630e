package proxy

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A grantsSite is a site that is a client of authentik 2026.8, with a visitor who
// is signed in. cookies are those of authentik's session, which the gate or the
// browser has.
type grantsSite struct {
	*site
	visitor *person
	cookies flowclient.Cookies
	log     *logbook
}

// grantWays signs in on the gate's page and at authentik's.
func grantWays(t *testing.T, try func(t *testing.T, s grantsSite)) {
	t.Helper()
	for _, login := range []Login{LoginPage, LoginRedirect} {
		t.Run(string(login), func(t *testing.T) {
			t.Parallel()
			var log logbook
			s := newOIDCSite(t, func(reg *registration) {
				reg.release = authentiktest.Release202608
				reg.gate = func(cfg *Config) { cfg.Login, cfg.Logger = login, slog.New(slog.NewTextHandler(&log, nil)) }
			})
			p, a := s.person(t), &stranger{site: s}
			p.passesAuthentik(a, "/")
			cookies := a.cookies
			if login == LoginPage {
				cookies = s.record(t, p).Cookies
			}
			try(t, grantsSite{s, p, cookies, &log})
		})
	}
}

// authentik 2026.8 refuses a refresh token in the same words if it has ended and
// if the provider does not allow the grant type.
func TestRecheck_MissingGrantTypeIsLogged(t *testing.T) {
	t.Parallel()
	const line = "refresh token is active"
	for name, row := range map[string]struct {
		change func(*site)
		logged bool
	}{
		"grant type is missing": {func(s *site) {
			s.authentik.EditApplication("app", func(a *authentiktest.Application) { a.Provider.GrantTypes = []string{"authorization_code"} })
		}, true},
		"session has ended": {func(s *site) { s.authentik.EndSessions("jane") }, false},
		"user is deleted":   {func(s *site) { s.authentik.DeleteUser("jane") }, false},
		"nothing":           {func(*site) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			grantWays(t, func(t *testing.T, s grantsSite) {
				row.change(s.site)
				s.clock.move(21 * time.Minute) // no request passes before authentik has answered
				lets(s.gate, s.request(s.visitor))
				if got := strings.Contains(s.log.String(), line); got != row.logged {
					t.Errorf("got %t, want %t that the log has %q:\n%s", got, row.logged, line, s.log)
				}
			})
		})
	}
}

// In authentik 2026.8, each visit of a client's end-session address deletes the
// access tokens of the client in this session, which goes on.
func TestRecheck_DeletedAccessTokenEndsNothing(t *testing.T) {
	t.Parallel()
	grantWays(t, func(t *testing.T, s grantsSite) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gate.cfg.Client.Root()+"application/o/app/end-session/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range s.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		before := s.record(t, s.visitor).Tokens.Access
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if _, err := s.gate.member.SignIn.OIDC.Userinfo(t.Context(), flowclient.Visitor{}, before); err == nil {
			t.Fatal("got an access token that is good, want none after the visit of end-session")
		}
		s.clock.move(21 * time.Minute)
		if !lets(s.gate, s.request(s.visitor)) {
			t.Error("got a session that has ended, want one that goes on by its refresh token")
		}
		if after := s.record(t, s.visitor).Tokens.Access; after == before || after == "" {
			t.Errorf("got the access token %q, want a new one", after)
		}
	})
}
