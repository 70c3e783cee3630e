package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRecheck_OverdueIsWaitedForOnOpenPaths: otherwise a visitor who comes back would be
// anonymous there for good, since nothing would ask authentik.
func TestRecheck_OverdueIsWaitedForOnOpenPaths(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) {
		cfg.Application, cfg.Grace = "wiki", new(10*time.Minute)
		cfg.Open = func(*http.Request) bool { return true }
	})
	p := s.person(t)
	sees := func(what, want string) {
		t.Helper()
		if page := p.open("/"); page.body != want {
			t.Errorf("%s: got status %d at %s, %q, want %q", what, page.status, page.path, page.body, want)
		}
	}
	p.signIn("jane", "open sesame", "/.authentik/login?to=/")
	sees("signed in", "hello jane")
	s.clock.move(11 * time.Minute) // recheck is 5 minutes
	sees("after a pause", "hello jane")
	s.front.away.Store(true)
	s.clock.move(12 * time.Minute)
	sees("authentik away, within the grace", "hello jane")
	s.clock.move(20 * time.Minute)
	sees("authentik away, after the grace", "hello ")
	s.front.away.Store(false)
	s.gate.sessions.RetryRechecks()
	sees("authentik back", "hello jane")
	s.authentik.EndSessions("jane")
	s.clock.move(11 * time.Minute)
	sees("ended at authentik", "hello ")
}

// TestRecheck_OverdueIsWaitedFor: a session that has ended at authentik must not
// pass once more after a pause, and an authentik that cannot be reached must
// end no session within the grace.
func TestRecheck_OverdueIsWaitedFor(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		s.clock.move(11 * time.Minute) // recheck is 5 minutes
		if page := p.open("/"); page.body != "hello jane" {
			t.Fatalf("confirmed while waiting: got status %d at %s, want hello jane", page.status, page.path)
		}
		s.front.away.Store(true)
		s.clock.move(12 * time.Minute)
		for range 2 {
			if page := p.open("/"); page.body != "hello jane" {
				t.Fatalf("authentik away, within the grace: got status %d at %s, want hello jane", page.status, page.path)
			}
		}
		s.front.away.Store(false)
		s.gate.sessions.RetryRechecks()
		s.authentik.EndSessions("jane")
		before := s.reached()
		if page := p.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") || s.reached() != before {
			t.Errorf("ended at authentik: got status %d at %s, %d requests reached, want the sign-in", page.status, page.path, s.reached()-before)
		}
	})
}
