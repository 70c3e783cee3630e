package proxy

import (
	"strings"
	"testing"
	"time"
)

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
