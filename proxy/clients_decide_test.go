package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// shownAt is a request that shows something, as decide sees it.
func (s *site) shownAt(t testing.TB, path, shown string) (*http.Request, Resolved) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if shown != "" {
		r.Header.Set("Authorization", shown)
	}
	at := s.place()
	at.Asked = r.URL
	return r, at
}

// TestDecide_OnlyReadsCredentials holds decide to asking authentik nothing about a
// credential, to noting nothing, and to leaving the request as it is.
func TestDecide_OnlyReadsCredentials(t *testing.T) {
	t.Parallel()
	store := &readOnlyStore{Store: newStore(t)}
	s := newClientsSite(t, func(c *Config) { c.Store, c.Require = store, []Requirement{{Claim: "user", Values: []string{"jane"}}} })
	good, denied, wrong := basic("jane", appPassword), basic("joe", otherPassword), basic("jane", "wrong")
	for _, shown := range []string{good, denied, wrong} {
		s.show(t, "/", auth(shown))
	}
	s.ended(t)
	asked, writes := s.front.asked.Load(), store.writes.Load()
	want := map[time.Duration]map[string]string{
		0:               {good: "pass pass", denied: "refuse open", wrong: "refuse open", "Basic": "refuse weigh", "Bearer x": "refuse open", "": "refuse open", basic("jane", "new"): "weigh weigh"},
		4 * time.Minute: {good: "pass pass", denied: "refuse open", wrong: "weigh open"},
		2 * time.Minute: {good: "weigh weigh", denied: "weigh weigh", wrong: "weigh weigh"},
		time.Hour:       {good: "weigh weigh", denied: "weigh weigh", wrong: "weigh weigh"},
	}
	for _, age := range []time.Duration{0, 4 * time.Minute, 2 * time.Minute, time.Hour} {
		s.clock.move(age)
		for shown, want := range want[age] {
			var kinds []string
			for _, path := range []string{"/", "/open/x"} {
				r, at := s.shownAt(t, path, shown)
				headers := len(r.Header)
				x := exchangeAt(s.gate, r, at)
				x.Credential = programs.Read(r.Header["Authorization"])
				w := httptest.NewRecorder()
				x.W = w
				kinds = append(kinds, decision.Kind(s.gate.decisions.Decide(x)))
				if len(w.Header()) != 0 || len(r.Header) != headers || r.Header.Get("Authorization") != shown {
					t.Errorf("%s with %q: got a response or a changed request, want neither", path, shown)
				}
			}
			if got := strings.Join(kinds, " "); got != want {
				t.Errorf("after %v more, %q: got %s, want %s", age, shown, got, want)
			}
		}
	}
	if got := s.front.asked.Load() - asked; got != 0 {
		t.Errorf("got %d requests to authentik, want none", got)
	}
	if got := store.writes.Load() - writes; got != 0 {
		t.Errorf("got %d writes to the store, want none", got)
	}
}

// TestClients_NothingIsStored: a credential has no record, valid or not.
func TestClients_NothingIsStored(t *testing.T) {
	t.Parallel()
	store := &readOnlyStore{Store: newStore(t)}
	s := newClientsSite(t, func(c *Config) { c.Store = store })
	for range 3 {
		s.show(t, "/", auth(basic("jane", appPassword)))
		s.show(t, "/", auth(basic("jane", "wrong")))
		s.clock.move(6 * time.Minute)
	}
	if got := store.writes.Load(); got != 0 {
		t.Errorf("got %d writes to the store, want none", got)
	}
}

// FuzzClients sends headers of every kind to a gate whose authentik refuses every user.
func FuzzClients(f *testing.F) {
	s := newClientsSite(f, func(c *Config) { c.Clients.Bearer = false })
	s.front.away.Store(true)
	for _, seed := range []string{"", "Basic", "Basic eA==", basic("jane", "x"), "Bearer x", "basic \x00", "Negotiate"} {
		f.Add("/", "Authorization", seed)
	}
	f.Add("/.authentik", "Authorization", "Basic eA==")
	f.Add("/", "Proxy-Authorization", basic("jane", appPassword))
	f.Fuzz(func(t *testing.T, path, name, value string) {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/open") || value == basic("jane", appPassword) && http.CanonicalHeaderKey(name) == "Authorization" {
			t.Skip()
		}
		r, at := s.shownAt(t, "/", "")
		r.URL.Path, r.URL.RawPath = path, ""
		r.Header[name] = []string{value}
		x := exchangeAt(s.gate, r, at)
		x.Credential = programs.Read(r.Header["Authorization"])
		switch d := s.gate.decisions.Decide(x).(type) {
		case decision.Pass, decision.Open:
			t.Fatalf("got the request admitted: %+v", d)
		}
	})
}

// running begins a request with a credential that runs until its context ends.
func (s *site) running(t testing.TB, shown string) <-chan error {
	t.Helper()
	r, _ := s.shownAt(t, "/live", shown)
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.gate.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error {
			close(opened)
			<-r.Context().Done()
			return context.Cause(r.Context())
		})
	}()
	select {
	case <-opened:
	case err := <-ended:
		t.Fatalf("got an end before the request has passed: %v", err)
	}
	return ended
}

// TestClients_RunningResponseEndsWithTheCredential: at its next recheck, which needs
// no other request.
func TestClients_RunningResponseEndsWithTheCredential(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		shown := basic("jane", appPassword)
		ended := s.running(t, shown)
		for range 3 {
			s.clock.move(6 * time.Minute)
			testsite.Eventually(t, "a recheck", func() bool {
				s.gate.sessions.Streams.Tick()
				known := s.gate.member.Shared.Programs.Known(programs.Read([]string{shown})).Session
				return known != nil && !known.Due(s.clock.now())
			})
		}
		select {
		case err := <-ended:
			t.Fatalf("got an end (%v), want a response that goes on", err)
		default:
		}
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords = nil })
		s.clock.move(6 * time.Minute)
		testsite.Eventually(t, "the end of the response", func() bool {
			s.gate.sessions.Streams.Tick()
			s.clock.move(15 * time.Second)
			select {
			case err := <-ended:
				return errors.Is(err, session.ErrEnded)
			default:
				return false
			}
		})
	}, nil)
}

// TestClients_RunningResponseEndsWithAnothersRecheck: when another request learns
// of the end.
func TestClients_RunningResponseEndsWithAnothersRecheck(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	shown := basic("jane", appPassword)
	ended := s.running(t, shown)
	for range 2 {
		s.gate.sessions.Streams.Tick() // it is indexed then
	}
	s.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords = nil })
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", auth(shown)); got.status != http.StatusUnauthorized {
		t.Fatalf("got status %d, want 401", got.status)
	}
	if err := <-ended; !errors.Is(err, session.ErrEnded) {
		t.Errorf("got %v, want %v", err, session.ErrEnded)
	}
}

// TestClients_SeveralGatesSeeTheCredential: one gate of a site takes it off, and the
// next one needs it as well.
func TestClients_SeveralGatesSeeTheCredential(t *testing.T) {
	t.Parallel()
	group, family := new(Group), new(Family)
	join := func(c *Config) { c.Group, c.Family = group, family }
	s := newClientsSite(t, join)
	second := s.gate.cfg
	second.Require = []Requirement{{Claim: "group", Values: []string{"staff"}}}
	inner := newGate(t, second)
	for shown, want := range map[string]int{basic("jane", appPassword): 200, basic("joe", otherPassword): 403, "": 401} {
		r, _ := s.shownAt(t, "/", shown)
		w := httptest.NewRecorder()
		_ = s.gate.Guard(w, r, func(w http.ResponseWriter, r *http.Request) error {
			return inner.Guard(w, r, func(w http.ResponseWriter, r *http.Request) error {
				if got := r.Header.Get("Authorization") + r.Header.Get("Remote-User"); got != "jane" {
					t.Errorf("got %q at the application, want the user and no credential", got)
				}
				return nil
			})
		})
		if w.Code != want {
			t.Errorf("%q: got status %d, want %d", shown, w.Code, want)
		}
	}
}

// TestClients_HeaderOfTheOperatorIsNoCredential: a gate that sets Authorization
// for the application tells the next gate nothing by it.
func TestClients_HeaderOfTheOperatorIsNoCredential(t *testing.T) {
	t.Parallel()
	group, family := new(Group), new(Family)
	s := newClientsSite(t, func(c *Config) {
		c.Group, c.Family = group, family
		c.Headers.Own = []HeaderRule{{Name: "Authorization", Claim: "username"}}
	})
	shown := basic("jane", appPassword)
	inner := newGate(t, s.gate.cfg)
	r, _ := s.shownAt(t, "/", shown)
	w := httptest.NewRecorder()
	_ = s.gate.Guard(w, r, func(w http.ResponseWriter, r *http.Request) error {
		return inner.Guard(w, r, func(_ http.ResponseWriter, r *http.Request) error {
			if got := r.Header.Get("Authorization"); got != "jane" {
				t.Errorf("got %q at the application, want what the operator says", got)
			}
			return nil
		})
	})
	if w.Code != http.StatusOK {
		t.Errorf("got status %d, want 200", w.Code)
	}
}
