package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// TestClients_EndWithAllSessionsOfTheirUser: an operator ends them in one process, and
// every process asks authentik again when a program comes back.
func TestClients_EndWithAllSessionsOfTheirUser(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		other := newGate(t, s.gate.cfg)
		awaitWatch(t, other, true)
		jane, joe := basic("jane", appPassword), basic("joe", otherPassword)
		knows := func(g *Gate, shown string) bool {
			return g.member.Shared.Programs.Known(programs.Read([]string{shown})).Session != nil
		}
		show := func(g *Gate, shown string) int {
			r, _ := s.shownAt(t, "/", shown)
			w := httptest.NewRecorder()
			_ = g.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return nil })
			return w.Code
		}
		for _, g := range []*Gate{s.gate, other} {
			for _, shown := range []string{jane, joe} {
				if status := show(g, shown); status != http.StatusOK || !knows(g, shown) {
					t.Fatalf("got status %d, want 200 and a credential that is known", status)
				}
			}
		}
		ended := s.running(t, jane)
		for range 2 {
			s.gate.sessions.Streams.Tick() // it is indexed then
		}
		all, err := s.gate.Operator().EndAll(t.Context(), "jane")
		if err != nil || len(all) != 1 || all[0].User != "jane" {
			t.Fatalf("got %v, %v, want the session of one program", all, err)
		}
		if err := <-ended; !errors.Is(err, session.ErrEnded) {
			t.Errorf("running response: got %v, want %v", err, session.ErrEnded)
		}
		if knows(s.gate, jane) || !knows(s.gate, joe) {
			t.Error("got Jane known or Joe forgotten, want only Jane forgotten")
		}
		testsite.Eventually(t, "the other process to forget Jane", func() bool { return !knows(other, jane) })
		if !knows(other, joe) {
			t.Error("other process: got Joe forgotten, want him known")
		}
		for _, g := range []*Gate{s.gate, other} {
			testsite.Eventually(t, "the password to be known again", func() bool { // an end may be told twice
				if status := show(g, jane); status != http.StatusOK {
					t.Errorf("the password is still good: got status %d, want 200", status)
				}
				return knows(g, jane)
			})
		}
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords = nil })
		if _, err := other.Operator().EndAll(t.Context(), "jane"); err != nil { // the second time, from the other process
			t.Fatal(err)
		}
		testsite.Eventually(t, "the first process to forget Jane", func() bool { return !knows(s.gate, jane) })
		for _, g := range []*Gate{s.gate, other} {
			if status := show(g, jane); status != http.StatusUnauthorized {
				t.Errorf("the password is revoked: got status %d, want 401", status)
			}
		}
		if _, err := s.gate.Operator().EndAll(t.Context(), "jane"); !errors.Is(err, ErrNoUser) {
			t.Errorf("nothing is left: got %v, want %v", err, ErrNoUser)
		}
	}, nil)
}

// TestClients_EndWithLogoutNotices: of the session that a token rests on, and of all
// sessions of its user.
func TestClients_EndWithLogoutNotices(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tell    func(n notified) int
		forgets bool
	}{
		"its session": {func(n notified) int { return n.told(n.issuer.notice(nil)) }, true},
		"another":     {func(n notified) int { return n.told(n.issuer.notice(claims{"sid": "another"})) }, false},
		"its user":    {func(n notified) int { return n.told(n.issuer.notice(claims{"sid": nil, "sub": jane.UID})) }, true},
		"another's":   {func(n notified) int { return n.told(n.issuer.notice(claims{"sid": nil, "sub": "joe's id"})) }, false},
		"by a browser": {func(n notified) int {
			return n.shown(url.Values{"iss": {n.issuer.name()}, "sid": {"a session"}}).Code
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.telling("userinfo/", claims{"sub": jane.UID, "preferred_username": "jane"})
			n := notified{newSessionGate(t, func(cfg *Config) {
				i.registered(cfg)
				cfg.Clients.Bearer = true
			}), i}
			token := signed(t, jose.RS256, rsaKey(t), "one", i.access().with(claims{"sub": jane.UID, "sid": "a session"}))
			show := func() int {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				_ = n.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return nil })
				return w.Code
			}
			for range 2 {
				if status := show(); status != http.StatusOK || i.asks() != 1 {
					t.Fatalf("got status %d after %d questions, want 200 after one", status, i.asks())
				}
			}
			if status := tt.tell(n); status != http.StatusOK {
				t.Fatalf("notice: got status %d, want 200", status)
			}
			want, asked := http.StatusOK, 1
			if tt.forgets {
				i.telling("userinfo/", http.StatusUnauthorized) // authentik has revoked the token
				want, asked = http.StatusUnauthorized, 2
			}
			if status := show(); status != want || i.asks() != asked {
				t.Errorf("got status %d after %d questions, want %d after %d", status, i.asks(), want, asked)
			}
		})
	}
}

// TestClients_AreRecheckedWhenEndsMayHaveBeenMissed: the watch of the store was
// interrupted. While authentik is away as well, they go on as at any recheck.
func TestClients_AreRecheckedWhenEndsMayHaveBeenMissed(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	shown := basic("jane", appPassword)
	s.show(t, "/", auth(shown))
	for _, away := range []bool{false, true} {
		s.gate.sessions.Revoked("")
		s.front.away.Store(away)
		before := s.front.asked.Load()
		if got := s.show(t, "/", auth(shown)); got.status != http.StatusOK || s.front.asked.Load() == before {
			t.Errorf("away %t: got status %d and %d requests to authentik, want 200 and some", away, got.status, s.front.asked.Load()-before)
		}
	}
}

// TestClients_RunningResponseIsOfOneUser: the same credential may come to stand for
// another user, or for one who may not pass.
func TestClients_RunningResponseIsOfOneUser(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		becomes     session.Proof
		byAnother   bool // request, before the running one is reviewed
		mayContinue bool
	}{
		"the same":                        {proofOf("jane", "jane's id"), false, true},
		"the same, by another request":    {proofOf("jane", "jane's id"), true, true},
		"another user":                    {proofOf("jane", "another id"), false, false},
		"another user, by another one":    {proofOf("jane", "another id"), true, false},
		"one who may not pass":            {proofOf("joe", "jane's id"), false, false},
		"one who may not, by another one": {proofOf("joe", "jane's id"), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newClientsSite(t, func(c *Config) { c.Require = []Requirement{{Claim: "user", Values: []string{"jane"}}} })
			way := &changingWay{now: proofOf("jane", "jane's id")}
			s.gate.member.Shared.Programs = programs.New(programs.Options{
				Ways: map[programs.Scheme]programs.Way{programs.Basic: way}, Key: []byte("key"), Recheck: s.gate.cfg.Recheck, Grace: *s.gate.cfg.Grace,
				Now: s.clock.now, Logger: s.gate.cfg.Logger, Go: s.gate.background.Shared, Guesses: newThrottle(s.gate.cfg.Now, s.gate.member.Shared.Key), Tokens: newThrottle(s.gate.cfg.Now, s.gate.member.Shared.Key),
				Session: s.gate.sessions.Program, Ended: func(string) {}, Tried: func(programs.Scheme, string) {},
			})
			shown := basic("jane", appPassword)
			ended := s.running(t, shown)
			for range 2 {
				s.gate.sessions.Streams.Tick()
			}
			way.become(tt.becomes)
			s.clock.move(5*time.Minute + time.Second)
			if tt.byAnother {
				r, _ := s.shownAt(t, "/", shown)
				_ = s.gate.Guard(httptest.NewRecorder(), r, func(http.ResponseWriter, *http.Request) error { return nil })
			}
			asked := way.asks()
			for round := range 3 {
				s.gate.sessions.Streams.Tick()
				if round == 0 && !tt.byAnother {
					testsite.Eventually(t, "a recheck", func() bool { return way.asks() > asked })
				}
				s.clock.move(20 * time.Second)
			}
			if !tt.mayContinue {
				testsite.Eventually(t, "the end of the response", func() bool {
					select {
					case err := <-ended:
						return errors.Is(err, session.ErrEnded)
					default:
						return false
					}
				})
				return
			}
			select {
			case err := <-ended:
				t.Errorf("got an end (%v), want a response that goes on", err)
			default:
			}
		})
	}
}

// proofOf is what authentik says of a user.
func proofOf(username, uid string) session.Proof {
	return session.Proof{User: User{Username: username, UID: uid}, Passing: true}
}

// A changingWay confirms every credential, for the user that it is set to.
type changingWay struct {
	mu    sync.Mutex
	now   session.Proof
	asked int
}

func (w *changingWay) become(who session.Proof) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = who
}

func (w *changingWay) asks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// Try implements programs.Way.
func (w *changingWay) Try(context.Context, flowclient.Visitor, programs.Credential) (session.Proof, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return w.now, nil
}
