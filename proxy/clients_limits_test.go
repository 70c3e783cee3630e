package proxy

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

func TestClients_RunsLeaveNoSessionAtAuthentik(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	for range 3 {
		if got := s.show(t, "/", auth(basic("jane", appPassword))); got.status != http.StatusOK {
			t.Fatalf("got status %d, want 200", got.status)
		}
		s.clock.move(6 * time.Minute)
	}
	testsite.Eventually(t, "no session of Jane at authentik", func() bool { return s.authentik.SessionsOf("jane") == 0 })
}

// TestClients_ManyRequestsAskOnce: a client of CalDAV sends twenty requests at
// once.
func TestClients_ManyRequestsAskOnce(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		s.show(t, "/", auth(basic("joe", otherPassword))) // metadata and brand are known then
		s.ended(t)
		before := s.front.asked.Load()
		s.show(t, "/", auth(basic("jane", appPassword)))
		s.ended(t)
		one := s.front.asked.Load() - before
		s.clock.move(6 * time.Minute) // recheck is 5 minutes
		before = s.front.asked.Load()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got := s.show(t, "/", auth(basic("jane", appPassword))); got.status != http.StatusOK {
					t.Errorf("got status %d, want 200", got.status)
				}
			})
		}
		all.Wait()
		if got := s.front.asked.Load() - before; got > one {
			t.Errorf("got %d requests to authentik, want those of one try (%d)", got, one)
		}
	}, nil)
}

func TestClients_GuessesAreThrottled(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		s.clock.stop() // pauses are short
		s.show(t, "/", auth(basic("jane", appPassword)))
		var last heardBack
		for i := range accountFree + 2 {
			last = s.show(t, "/", auth(basic("jane", "guess"+strings.Repeat("s", i))))
		}
		if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" || last.header["Www-Authenticate"] != nil {
			t.Errorf("got status %d, Retry-After %q, want 429 with it and without a prompt", last.status, last.header.Get("Retry-After"))
		}
		if got := s.show(t, "/", auth(basic("JANE", "guess"))); got.status != http.StatusTooManyRequests {
			t.Errorf("another spelling: got status %d, want 429", got.status)
		}
		if got := s.show(t, "/", auth(basic("jane", appPassword))); got.status != http.StatusOK {
			t.Errorf("known: got status %d, want 200", got.status)
		}
		s.clock.move(5*time.Minute + time.Second)
		if got := s.show(t, "/", auth(basic("jane", appPassword))); got.status != http.StatusOK {
			t.Errorf("known, at its recheck: got status %d, want 200", got.status)
		}
	}, nil)
}

// TestClients_GuessesCountWithThoseOnThePage: a guess is a guess.
func TestClients_GuessesCountWithThoseOnThePage(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	s.clock.stop()
	for i := range accountFree + 1 {
		s.show(t, "/", auth(basic("jane", "guess"+strings.Repeat("s", i))))
	}
	p := s.person(t)
	if got := p.send(p.open("/"), "uid_field", "jane"); got.status != http.StatusTooManyRequests {
		t.Errorf("got status %d on the page, want 429", got.status)
	}
}

func TestClients_AuthentikAway(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		known := auth(basic("jane", appPassword))
		if got := s.show(t, "/", known); got.status != http.StatusOK {
			t.Fatalf("got status %d, want 200", got.status)
		}
		s.front.away.Store(true)
		unknown := s.show(t, "/", auth(basic("joe", otherPassword)))
		if unknown.status != http.StatusServiceUnavailable || unknown.header.Get("Retry-After") == "" || unknown.header["Www-Authenticate"] != nil {
			t.Errorf("unknown: got status %d, Retry-After %q, prompts %q, want 503 with it and none", unknown.status, unknown.header.Get("Retry-After"), unknown.header["Www-Authenticate"])
		}
		s.clock.move(19 * time.Minute) // recheck and grace are 20 minutes
		if got := s.show(t, "/", known); got.status != http.StatusOK {
			t.Errorf("within the grace: got status %d, want 200", got.status)
		}
		if got := s.show(t, "/open/x", auth(basic("joe", otherPassword))); got.status != http.StatusOK {
			t.Errorf("open path: got status %d, want 200", got.status)
		}
		s.clock.move(2 * time.Minute)
		if got := s.show(t, "/", known); got.status != http.StatusServiceUnavailable {
			t.Errorf("after the grace: got status %d, want 503", got.status)
		}
		s.front.away.Store(false)
		s.clock.move(time.Minute)
		if got := s.show(t, "/", known); got.status != http.StatusOK {
			t.Errorf("back: got status %d, want 200", got.status)
		}
	}, nil)
}

// TestClients_GraceCanBeZero: with grace 0s an overdue recheck is not tolerated.
func TestClients_GraceCanBeZero(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, func(c *Config) { c.Grace = new(time.Duration(0)) })
	shown := auth(basic("jane", appPassword))
	s.show(t, "/", shown)
	s.front.away.Store(true)
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", shown); got.status != http.StatusServiceUnavailable {
		t.Errorf("got status %d, want 503", got.status)
	}
}

// A triesCounted counts how the tries of credentials end.
type triesCounted struct {
	NopMetrics
	mu    sync.Mutex
	tries map[string]int
}

func (m *triesCounted) Program(scheme, outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries[scheme+" "+outcome]++
}

// TestClients_TriesAreCounted: by the outcome, and not the requests that authentik is
// not asked about.
func TestClients_TriesAreCounted(t *testing.T) {
	t.Parallel()
	m := &triesCounted{tries: map[string]int{}}
	s := newTokenSite(t, func(c *Config) { c.Metrics = m })
	s.clock.stop()
	for range 3 {
		s.show(t, "/", auth(basic("jane", appPassword)))
		s.show(t, "/", auth("Bearer nonsense"))
		s.show(t, "/", auth("Basic !"))
	}
	for i := range accountFree + 1 {
		s.show(t, "/", auth(basic("joe", "guess"+strings.Repeat("s", i))))
	}
	s.show(t, "/", auth(basic("joe", "slowed")))
	s.front.away.Store(true)
	s.show(t, "/", auth(basic("jim", "unknown")))
	want := map[string]int{"basic accepted": 1, "bearer refused": 1, "basic refused": accountFree + 1, "basic slowed": 1, "basic failed": 1}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !maps.Equal(m.tries, want) {
		t.Errorf("got %v, want %v", m.tries, want)
	}
}
