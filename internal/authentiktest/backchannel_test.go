package authentiktest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// An inbox is a client's endpoint for logout tokens.
type inbox struct {
	address string

	mu     sync.Mutex
	tokens []string
}

// newInbox answers with a status. A nil wait answers at once.
func newInbox(t testing.TB, status int, wait <-chan struct{}) *inbox {
	t.Helper()
	box := &inbox{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue("logout_token")
		box.mu.Lock()
		box.tokens = append(box.tokens, token)
		box.mu.Unlock()
		if wait != nil {
			<-wait
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(web.Close)
	box.address = web.URL + "/told"
	return box
}

// heard returns the logout tokens received so far.
func (b *inbox) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.tokens)
}

func (b *inbox) tells(p *Provider) { p.BackchannelURI = b.address }

// delivered waits for the worker.
func delivered(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Delivered(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBackchannel_LogoutTokensForEveryEndOfASession(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		end  func(p *party, sid string)
		told int
	}{
		"the user signs out": {func(p *party, _ string) {
			p.do(http.MethodGet, executor("default-invalidation-flow"), "")
		}, 1},
		"an administrator ends all sessions": {func(p *party, _ string) { p.authentik.EndSessions("oi-alice") }, 1},
		"an administrator ends the session":  {func(p *party, sid string) { p.authentik.EndSession(sid) }, 1},
		"another login ends it":              {func(p *party, _ string) { p.signInElsewhere() }, 1},
		"the user is deleted":                {func(p *party, _ string) { p.authentik.DeleteUser("oi-alice") }, 1},
		"the user is deactivated":            {func(p *party, _ string) { p.authentik.SetActive("oi-alice", false) }, 0},
		"the database is lost":               {func(p *party, _ string) { p.authentik.Forget() }, 0},
		"another session ends":               {func(p *party, _ string) { p.authentik.EndSession("another") }, 0},
		"the client wants no more of it": {func(p *party, _ string) {
			p.authentik.EditApplication("oi-code", func(a *Application) { a.Provider.BackchannelURI = "" })
			p.authentik.EndSessions("oi-alice")
		}, 0},
	} {
		for _, release := range Releases() {
			t.Run(string(release)+"/"+what, func(t *testing.T) {
				t.Parallel()
				box := newInbox(t, http.StatusOK, nil)
				p := newParty(t, release, quickly, box.tells)
				id := p.claims(p.enters())
				c.end(p, id["sid"].(string))
				delivered(t, p.authentik)
				heard := box.heard()
				if len(heard) != c.told {
					t.Fatalf("got %d logout tokens, want %d", len(heard), c.told)
				}
				for _, token := range heard {
					p.comparesLogout(token, id)
				}
			})
		}
	}
}

// signInElsewhere signs the user in with another browser, by a flow that ends
// all other sessions.
func (p *party) signInElsewhere() {
	p.t.Helper()
	p.authentik.EditFlow("default-authentication-flow", func(f *Flow) {
		*f = flowOf(f.Slug, askBoth(), &UserLoginStage{TerminateOthers: true})
	})
	browse(p.t, p.base).do(http.MethodPost, executor("default-authentication-flow"),
		`{"uid_field": "oi-alice", "password": "`+oidcPassword+`"}`)
}

// comparesLogout verifies a logout token as a client does, against the ID token
// of the session.
func (p *party) comparesLogout(raw string, id object) {
	p.t.Helper()
	token, err := p.issuer.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(p.t.Context(), raw)
	if err != nil {
		p.t.Errorf("got error %v, want the logout token verified", err)
		return
	}
	claims := claimsOf(raw)
	if token.Subject != id["sub"] || claims["sid"] != id["sid"] || claims["nonce"] != nil {
		p.t.Errorf("got a logout token with %v, want the user and session of the ID token %v", claims, id)
	}
}

func TestBackchannel_EndSessionNotifiesItsClientOnce(t *testing.T) {
	t.Parallel()
	for release, told := range map[Release]int{Release202510: 0, Release202605: 1} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			box := newInbox(t, http.StatusOK, nil)
			p := newParty(t, release, quickly, box.tells)
			p.enters()
			p.open(p.base + "/application/o/oi-code/end-session/")
			delivered(t, p.authentik)
			if heard := box.heard(); len(heard) != told {
				t.Errorf("got %d logout tokens after end-session, want %d", len(heard), told)
			}
			p.authentik.EndSessions("oi-alice")
			delivered(t, p.authentik)
			if heard := box.heard(); len(heard) != 1 {
				t.Errorf("got %d logout tokens at the end of the session, want 1", len(heard))
			}
		})
	}
}

func TestBackchannel_ExpiredAccessTokensCauseNoNotice(t *testing.T) {
	t.Parallel()
	box := newInbox(t, http.StatusOK, nil)
	p := newParty(t, Release202605, quickly, box.tells, func(p *Provider) { p.AccessValidity = time.Nanosecond })
	p.enters()
	p.authentik.EndSessions("oi-alice")
	delivered(t, p.authentik)
	if heard := box.heard(); len(heard) > 0 {
		t.Errorf("got logout tokens %v at a client without an access token, want none", heard)
	}
}

// hourly returns a stand-in with sessions of an hour, and its clock.
func hourly(t *testing.T, box *inbox) (*Server, *client, *clock) {
	t.Helper()
	now := newClock()
	s, c := serve(t, Config{
		Now: now.now, Users: people("lg-hour"), SigningKey: signingKey(),
		Flows:        []Flow{flowOf("in", askBoth(), &UserLoginStage{Duration: time.Hour})},
		Applications: []Application{relying("oi-one", box.tells, func(p *Provider) { p.AccessValidity = 24 * time.Hour })},
	})
	return s, c, now
}

func TestBackchannel_ExpiredSessionsAreNotifiedByTheCleanUp(t *testing.T) {
	t.Parallel()
	box := newInbox(t, http.StatusOK, nil)
	s, c, now := hourly(t, box)
	access(t, s, signedIn(t, c, "in", "lg-hour"), "oi-one")
	if n := s.CleanUp(); n != 0 {
		t.Errorf("got %d sessions ended by an early clean-up, want 0", n)
	}
	now.pass(2 * time.Hour)
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	delivered(t, s)
	if heard := box.heard(); len(heard) > 0 {
		t.Error("got a logout token before the clean-up, want none")
	}
	if n := s.CleanUp(); n != 1 {
		t.Errorf("got %d sessions ended by the clean-up, want 1", n)
	}
	delivered(t, s)
	if heard := box.heard(); len(heard) != 1 {
		t.Errorf("got %d logout tokens after the clean-up, want 1", len(heard))
	}
}

func TestBackchannel_LogoutTokensAreMadeWhenTheyAreSent(t *testing.T) {
	t.Parallel()
	box := newInbox(t, http.StatusOK, nil)
	s, c, now := hourly(t, box)
	sid := claimsOf(access(t, s, signedIn(t, c, "in", "lg-hour"), "oi-one"))["sid"]
	release := s.HoldLogouts()
	s.EndSessions("lg-hour")
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Delivered(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v while logout tokens are held, want the context's", err)
	}
	if heard := box.heard(); len(heard) > 0 {
		t.Errorf("got logout tokens %v while they are held, want none", heard)
	}
	now.pass(10 * time.Minute)
	s.RotateKeys()
	release()
	release()
	delivered(t, s)
	heard := box.heard()
	if len(heard) != 1 {
		t.Fatalf("got %d logout tokens after the release, want 1", len(heard))
	}
	claims := claimsOf(heard[0])
	if claims["iat"] != float64(now.now().Unix()) || claims["sid"] != sid {
		t.Errorf("got a wrong iat or sid: at %d for session %v the logout token has %v", now.now().Unix(), sid, claims)
	}
	if header, _ := numbers(headerOf(heard[0])).(map[string]any); header["kid"] != s.ring.key(rs256, now.now()).id {
		t.Errorf("got a logout token signed with the old key: header %v", header)
	}
}

func TestBackchannel_GivesUpAfterRepeatedFailures(t *testing.T) {
	t.Parallel()
	refusing := newInbox(t, http.StatusBadRequest, nil)
	for what, c := range map[string]struct {
		uri    string
		status int
	}{
		"a client that refuses":    {refusing.address, http.StatusBadRequest},
		"a client that is away":    {"http://127.0.0.1:1/told", 0},
		"a broken address":         {"http://[told", 0},
		"a client that goes round": {round(t), 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newParty(t, Release202605, quickly, func(p *Provider) { p.BackchannelURI = c.uri })
			p.authentik.outbox.retry = time.Millisecond
			p.enters()
			p.authentik.EndSessions("oi-alice")
			if err := p.authentik.Delivered(t.Context()); err == nil {
				t.Error("got no error from Delivered, want one that names the logout token given up")
			}
			tries := p.authentik.Logouts()
			if len(tries) != noticeTries {
				t.Errorf("got %d tries, want %d", len(tries), noticeTries)
			}
			for _, try := range tries {
				if try.Client != "oi-code" || try.URI != c.uri || try.Err == nil || c.status != 0 && try.Status != c.status {
					t.Errorf("got the try %+v, want one with the status or an error", try)
				}
			}
		})
	}
}

// round is an address that redirects to itself.
func round(t *testing.T) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(web.Close)
	return web.URL + "/told"
}

func TestBackchannel_SlowClientsDelayNoRequest(t *testing.T) {
	t.Parallel()
	wait := make(chan struct{})
	box := newInbox(t, http.StatusOK, wait)
	p := newParty(t, Release202605, quickly, box.tells)
	for range 3 {
		p.enters()
		want(t, p.do(http.MethodGet, executor("default-invalidation-flow"), ""), "component", "xak-flow-redirect")
	}
	if heard := box.heard(); len(heard) > 1 {
		t.Errorf("got %d logout tokens sent at once, want 1", len(heard))
	}
	close(wait)
	delivered(t, p.authentik)
	distinct := map[any]bool{}
	for _, token := range box.heard() {
		distinct[claimsOf(token)["jti"]] = true
	}
	if len(distinct) != 3 {
		t.Errorf("got %d different logout tokens, want 3", len(distinct))
	}
}

func TestBackchannel_OneLogoutTokenForEachAccessToken(t *testing.T) {
	t.Parallel()
	one, two := newInbox(t, http.StatusOK, nil), newInbox(t, http.StatusOK, nil)
	s, c := serve(t, Config{
		Users: people("lg-one"), Flows: []Flow{oneStep("in")}, SigningKey: signingKey(),
		Applications: []Application{relying("oi-one", one.tells), relying("oi-two", two.tells), relying("oi-three")},
	})
	cookie := signedIn(t, c, "in", "lg-one")
	for _, id := range []string{"oi-one", "oi-one", "oi-two", "oi-three"} {
		access(t, s, cookie, id)
	}
	s.EndSessions("lg-one")
	delivered(t, s)
	if len(one.heard()) != 2 || len(two.heard()) != 1 {
		t.Errorf("got %d and %d logout tokens at the two clients, want 2 and 1", len(one.heard()), len(two.heard()))
	}
	for box, audience := range map[*inbox]string{one: "oi-one", two: "oi-two"} {
		for _, token := range box.heard() {
			want(t, claimsOf(token), "aud", audience)
		}
	}
}

func TestBackchannel_UsesTheHTTPClientOfTheConfig(t *testing.T) {
	t.Parallel()
	var sent []url.URL
	s, c := serve(t, Config{
		Users: people("lg-one"), Flows: []Flow{oneStep("in")}, SigningKey: signingKey(),
		LogoutClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, *r.URL)
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})},
		Applications: []Application{relying("oi-one", func(p *Provider) { p.BackchannelURI = "https://app.example.com/told" })},
	})
	access(t, s, signedIn(t, c, "in", "lg-one"), "oi-one")
	s.EndSessions("lg-one")
	delivered(t, s)
	if len(sent) != 1 || sent[0].String() != "https://app.example.com/told" {
		t.Errorf("got requests to %v, want those of the client of the Config", sent)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
