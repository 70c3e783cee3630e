package authentiktest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// A party is a relying party by an independent library, with the browser of
// one of its users.
type party struct {
	*client
	authentik *Server
	issuer    *oidc.Provider
	config    oauth2.Config
	arrived   *url.URL // where the browser was sent at the application
}

func newParty(t *testing.T, release Release, edit ...func(*Provider)) *party {
	t.Helper()
	s, c := serve(t, Config{
		Release: release, Users: []User{member("oi-alice", "oi-staff")}, Applications: []Application{relying("oi-code", edit...)},
	})
	p := &party{client: c, authentik: s}
	c.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			p.arrived = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	var err error
	if p.issuer, err = oidc.NewProvider(t.Context(), c.base+"/application/o/oi-code/"); err != nil {
		t.Fatalf("got error %v, want the discovery document", err)
	}
	p.config = oauth2.Config{
		ClientID: "oi-code", ClientSecret: "oi-code-secret", RedirectURL: callback, Endpoint: p.issuer.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	return p
}

// open is a page load, redirects followed. It returns the page it comes to.
func (p *party) open(address string) *url.URL {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		p.t.Fatal(err)
	}
	return res.Request.URL
}

// signIn walks from the application through the login back to it, and returns
// what it is given there.
func (p *party) signIn(options ...oauth2.AuthCodeOption) url.Values {
	p.t.Helper()
	page := p.open(p.config.AuthCodeURL("a state & more", options...))
	slug := strings.TrimSuffix(strings.TrimPrefix(page.Path, "/if/flow/"), "/")
	flow := "/api/v3/flows/executor/" + slug + "/?query=" + url.QueryEscape(page.RawQuery)
	p.do(http.MethodGet, flow, "")
	p.do(http.MethodPost, flow, `{"uid_field": "oi-alice"}`)
	last := p.do(http.MethodPost, flow, `{"password": "`+oidcPassword+`"}`)
	to, _ := last["to"].(string)
	p.open(p.base + to)
	if p.arrived == nil {
		p.t.Fatalf("got no redirect to the application; the login ended with %v", last)
	}
	return p.arrived.Query()
}

// verified is the ID token of an answer, checked against the published keys.
func (p *party) verified(token *oauth2.Token) *oidc.IDToken {
	p.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := p.issuer.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(p.t.Context(), raw)
	if err != nil {
		p.t.Fatalf("got error %v, want the ID token verified", err)
	}
	return id
}

// quickly uses keys that are generated faster than those of RSA.
func quickly(p *Provider) { p.Algorithm = "ES256" }

// enters signs the user in and exchanges the code for tokens.
func (p *party) enters() *oauth2.Token {
	p.t.Helper()
	token, err := p.config.Exchange(p.t.Context(), p.signIn().Get("code"))
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// access gives a client an access token in the session of a cookie.
func access(t testing.TB, s *Server, cookie, id string) string {
	t.Helper()
	v := s.visit(request(t, cookieSession+"="+cookie))
	p, app, found := s.client(id)
	if !found || v.user.PK == 0 {
		t.Fatalf("got no client %s or no user %d, want both", id, v.user.PK)
	}
	return v.issue(p, app, v.newGrant(&authorization{provider: p, scopes: p.Scopes})).access
}

// claims returns the claims of a verified ID token.
func (p *party) claims(token *oauth2.Token) object {
	p.t.Helper()
	claims := object{}
	if err := p.verified(token).Claims(&claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}

// userinfo returns authentik's userinfo for a token.
func (p *party) userinfo(token *oauth2.Token) object {
	p.t.Helper()
	return p.do(http.MethodGet, "/application/o/userinfo/", "", "Authorization", "Bearer "+token.AccessToken)
}

func TestRelyingParty_SignsAUserIn(t *testing.T) {
	t.Parallel()
	for _, release := range Releases() {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			p := newParty(t, release)
			verifier := oauth2.GenerateVerifier()
			given := p.signIn(oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(verifier))
			if given.Get("state") != "a state & more" || given.Get("error") != "" {
				t.Fatalf("got %v at the application", given)
			}
			token, err := p.config.Exchange(t.Context(), given.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatalf("got error %v, want tokens for the code", err)
			}
			p.tells(token)
			p.renews(token)
		})
	}
}

// tells checks the claims of the ID token and of userinfo.
func (p *party) tells(token *oauth2.Token) {
	p.t.Helper()
	u, _ := p.authentik.User("oi-alice")
	id := p.verified(token)
	var claims struct {
		Name   string   `json:"preferred_username"`
		Groups []string `json:"groups"`
	}
	if err := id.Claims(&claims); err != nil {
		p.t.Fatal(err)
	}
	if id.Subject != u.UID || id.Nonce != "a nonce" || claims.Name != "oi-alice" || !slices.Equal(claims.Groups, u.Groups) {
		p.t.Errorf("got the ID token %+v with claims %+v", id, claims)
	}
	info, err := p.issuer.UserInfo(p.t.Context(), p.config.TokenSource(p.t.Context(), token))
	if err != nil || info.Subject != u.UID || info.Email != u.Email {
		p.t.Errorf("got userinfo %+v, error %v", info, err)
	}
}

// renews uses the refresh token, which works once.
func (p *party) renews(token *oauth2.Token) {
	p.t.Helper()
	again := func() (*oauth2.Token, error) {
		return p.config.TokenSource(p.t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	}
	next, err := again()
	if err != nil {
		p.t.Fatalf("got error %v, want new tokens", err)
	}
	if p.verified(next).Nonce != "" || next.RefreshToken == token.RefreshToken {
		p.t.Error("got the login's nonce in the new ID token, or the same refresh token, want neither")
	}
	if _, err := again(); err == nil {
		p.t.Error("got a refresh token accepted twice, want once")
	}
}

func TestRelyingParty_WrongRequestsAreRefused(t *testing.T) {
	t.Parallel()
	p := newParty(t, Release202605)
	verifier := oauth2.GenerateVerifier()
	code := p.signIn(oidc.Nonce("n"), oauth2.S256ChallengeOption(verifier)).Get("code")
	mistaken := func(edit func(*oauth2.Config), options ...oauth2.AuthCodeOption) error {
		wrong := p.config
		edit(&wrong)
		_, err := wrong.Exchange(t.Context(), code, options...)
		return err
	}
	for what, err := range map[string]error{
		"another verifier": mistaken(func(*oauth2.Config) {}, oauth2.VerifierOption(oauth2.GenerateVerifier())),
		"no verifier":      mistaken(func(*oauth2.Config) {}),
		"another secret": mistaken(func(c *oauth2.Config) { c.ClientSecret = "guessed" },
			oauth2.VerifierOption(verifier)),
		"another address": mistaken(func(c *oauth2.Config) { c.RedirectURL = "https://evil.example.net/" },
			oauth2.VerifierOption(verifier)),
	} {
		if err == nil {
			t.Errorf("got a code accepted with %s, want it refused", what)
		}
	}
	if err := mistaken(func(*oauth2.Config) {}, oauth2.VerifierOption(verifier)); err != nil {
		t.Errorf("got error %v for the right request after wrong ones, want none", err)
	}
	if err := mistaken(func(*oauth2.Config) {}, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("got a code accepted twice, want once")
	}
}

// A client must refuse tokens of another issuer and for another client.
func TestRelyingParty_RefusesTokensOfOtherIssuersAndClients(t *testing.T) {
	t.Parallel()
	mine, other := newParty(t, Release202605), newParty(t, Release202605)
	token, err := other.config.Exchange(t.Context(), other.signIn().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	for what, config := range map[string]*oidc.Config{
		"another issuer's key": {ClientID: "oi-code", SkipIssuerCheck: true},
		"another issuer":       {ClientID: "oi-code", InsecureSkipSignatureCheck: true},
	} {
		if _, err := mine.issuer.Verifier(config).Verify(t.Context(), raw); err == nil {
			t.Errorf("got a token of %s verified, want an error", what)
		}
	}
	if _, err := other.issuer.Verifier(&oidc.Config{ClientID: "another-client"}).Verify(t.Context(), raw); err == nil {
		t.Error("got a token for another client verified, want an error")
	}
}

func TestRelyingParty_AccessTokenEndsWithTheSession(t *testing.T) {
	t.Parallel()
	p := newParty(t, Release202605)
	token, err := p.config.Exchange(t.Context(), p.signIn().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	source := oauth2.StaticTokenSource(token)
	if _, err := p.issuer.UserInfo(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	p.authentik.EndSessions("oi-alice")
	if _, err := p.issuer.UserInfo(t.Context(), source); err == nil {
		t.Error("got an access token valid after its session, want it revoked")
	}
}

func TestProvider_AuthenticationFlowPrecedesTheBrands(t *testing.T) {
	t.Parallel()
	for _, release := range []Release{Release202510, Release202605} {
		own := func(p *Provider) { p.AuthenticationFlow = "oi-login" }
		_, c := serve(t, Config{
			Release: release, Flows: []Flow{oneStep("oi-login")}, Applications: []Application{relying("oi-code", own), relying("oi-other")},
		})
		for client, flow := range map[string]string{"oi-code": "oi-login", "oi-other": "default-authentication-flow"} {
			visitor := party{client: browse(t, c.base)}
			config := oauth2.Config{ClientID: client, RedirectURL: callback, Endpoint: oauth2.Endpoint{AuthURL: c.base + "/application/o/authorize/"}}
			if page := visitor.open(config.AuthCodeURL("state")); page.Path != "/if/flow/"+flow+"/" {
				t.Errorf("%s, client %s: got a redirect to %s", release, client, page)
			}
		}
	}
}
