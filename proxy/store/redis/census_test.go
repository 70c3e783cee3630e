package redis

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// counted is what a store with so many sessions, and other things beside them, says.
func counted(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n + 2 {
		save(t, s, fmt.Sprintf("session-%d", i), record("x"))
	}
	save(t, s, "browser-1", record("x"))
	for i := range 2 {
		if err := s.Revoke(t.Context(), fmt.Sprintf("session-%d", i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Count(t.Context(), "session"); got != n || err != nil {
		t.Errorf("%d sessions, %v; there are %d", got, err, n)
	}
}

func TestItCountsItsOwnRecordsByKind(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	cfg := at(server.Address)
	cfg.Prefix = "a.b:"
	stranger := at(server.Address)
	stranger.Prefix = "axb:"
	save(t, open(t, stranger), "session-1", record("x"))
	s := open(t, cfg)
	counted(t, s, 3000)
	s.census.byKind, s.census.at = map[string]int{"session": crowd}, time.Now()
	if n, err := s.Count(t.Context(), "session"); n != crowd || err != nil {
		t.Errorf("a crowd that was counted a moment ago is %d, %v", n, err)
	}
	s.now = func() time.Time { return time.Now().Add(censusKept) }
	if n, err := s.Count(t.Context(), "session"); n != 3000 || err != nil {
		t.Errorf("and later %d, %v", n, err)
	}
}

func TestItCountsNothingWithoutItsServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, at(server.Address))
	server.Kill()
	if n, err := s.Count(t.Context(), "session"); err == nil {
		t.Errorf("%d sessions", n)
	}
}
