package authentiktest

import (
	"net/http"
	"testing"

	"golang.org/x/oauth2"
)

// renewed uses the refresh token of the given tokens.
func (p *party) renewed(token *oauth2.Token) (*oauth2.Token, error) {
	return p.config.TokenSource(p.t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
}

func TestTokens_EndWithTheirSessionOrUser(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		end             func(*Server)
		access, refresh bool // whether they are still valid
		sessions        int  // that are left
	}{
		"nothing happens":         {func(*Server) {}, true, true, 1},
		"the password is changed": {func(s *Server) { s.EditUser("oi-alice", func(u *User) { u.Password = "new" }) }, true, true, 1},
		"the groups are changed":  {func(s *Server) { s.EditUser("oi-alice", func(u *User) { u.Groups = nil }) }, true, true, 1},
		"the sessions are ended":  {func(s *Server) { s.EndSessions("oi-alice") }, false, true, 0},
		"the user is deactivated": {func(s *Server) { s.SetActive("oi-alice", false) }, false, false, 0},
		"the user is deactivated by a script": {
			func(s *Server) { s.EditUser("oi-alice", func(u *User) { u.Inactive = true }) }, false, false, 1,
		},
		"the user is away for a moment": {
			func(s *Server) { s.SetActive("oi-alice", false); s.SetActive("oi-alice", true) }, false, false, 0,
		},
		"the user is deleted": {func(s *Server) { s.DeleteUser("oi-alice") }, false, false, 0},
		"the user is another": {func(s *Server) { s.DeleteUser("oi-bob"); s.EndSessions("oi-bob") }, true, true, 1},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newParty(t, Release202605, quickly)
			token := p.enters()
			c.end(p.authentik)
			if good := p.userinfo(token)["status"] == http.StatusOK; good != c.access {
				t.Errorf("got access token valid: %t", good)
			}
			if n := p.authentik.Sessions(); n != c.sessions {
				t.Errorf("got %d sessions left, want %d", n, c.sessions)
			}
			next, err := p.renewed(token)
			if good := err == nil; good != c.refresh {
				t.Errorf("got refresh token valid: %t (%v)", good, err)
			}
			if err == nil {
				p.tellsOfASession(next, c.access)
			}
		})
	}
}

// tellsOfASession checks that an ID token tells of a session and of how it
// began, or of neither.
func (p *party) tellsOfASession(token *oauth2.Token, there bool) {
	p.t.Helper()
	claims := p.claims(token)
	if (claims["sid"] != nil) != there || (claims["amr"] != nil) != there {
		p.t.Errorf("got the ID token %v, want sid and amr both or neither", claims)
	}
	p.verified(token)
	if again, err := p.renewed(token); err != nil || (p.claims(again)["sid"] != nil) != there {
		p.t.Errorf("got error %v, want the token renewed once more", err)
	}
}

func TestTokens_CodesEndWithTheSession(t *testing.T) {
	t.Parallel()
	p := newParty(t, Release202605, quickly)
	code := p.signIn().Get("code")
	p.authentik.EndSessions("oi-alice")
	if _, err := p.config.Exchange(t.Context(), code); err == nil {
		t.Error("got a code valid after its session, want it revoked")
	}
}

func TestServer_EndSessionEndsOnlyTheNamedSession(t *testing.T) {
	t.Parallel()
	s, one := serve(t, Config{
		Users: people("lg-one"), Flows: []Flow{oneStep("in")}, SigningKey: signingKey(), Applications: []Application{relying("oi-one")},
	})
	two := browse(t, one.base)
	cookie := signedIn(t, one, "in", "lg-one")
	two.login("in", "lg-one")
	sid, _ := claimsOf(access(t, s, cookie, "oi-one"))["sid"].(string)
	if !s.EndSession(sid) || s.EndSession(sid) {
		t.Error("got another result of EndSession, want true once and then false")
	}
	want(t, one.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	want(t, two.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
}

func TestTokens_RefreshHasNewGroupsAndAddresses(t *testing.T) {
	t.Parallel()
	p := newParty(t, Release202605, quickly)
	token := p.enters()
	p.authentik.EditUser("oi-alice", func(u *User) { u.Groups, u.Email = []string{"oi-guests"}, "new@example.com" })
	next, err := p.renewed(token)
	if err != nil {
		t.Fatal(err)
	}
	claims := p.claims(next)
	want(t, claims, "email", "new@example.com")
	if groups, _ := claims["groups"].([]any); len(groups) != 1 || groups[0] != "oi-guests" {
		t.Errorf("got groups %v", groups)
	}
}

func TestDeviceGrant_DeactivatedUserLosesDeviceCodes(t *testing.T) {
	t.Parallel()
	s, c, _ := twoClients(t)
	code, entry := c.device("oi-one")
	c.enter(entry)
	c.do(http.MethodGet, executor("default-provider-authorization-implicit-consent"), "")
	s.SetActive("lg-one", false)
	s.SetActive("lg-one", true)
	got := c.submit(tokenPath, "grant_type", grantDevice, "client_id", "oi-one", "client_secret", "oi-one-secret", "device_code", code)
	want(t, got, "error", "invalid_grant")
}

func TestServer_KeepsItsOwnCopyOfAProvider(t *testing.T) {
	t.Parallel()
	app := relying("oi-one")
	s, _ := serve(t, Config{Applications: []Application{app}})
	s.EditApplication("oi-one", func(a *Application) { a.Provider.Secret = "another" })
	if p, _, _ := s.client("oi-one"); p.Secret != "another" || app.Provider.Secret != "oi-one-secret" {
		t.Errorf("got the server's secret %q and ours %q, want the server's unchanged", p.Secret, app.Provider.Secret)
	}
}
