package redis

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// expectCount saves n sessions, and records and tombstones beside them, and
// counts.
func expectCount(t *testing.T, s *Store, n int) {
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
		t.Errorf("got %d sessions, %v, want %d", got, err, n)
	}
}

func TestCount_CountsOwnRecordsByKind(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "appendfsync no")
	cfg := addressed(server.Address)
	cfg.Prefix = `a.b\:`
	other := addressed(server.Address)
	other.Prefix = "axb:"
	save(t, open(t, other), "session-1", record("x"))
	s := open(t, cfg)
	expectCount(t, s, 3000)
	s.counts.byKind, s.counts.at = map[string]int{"session": manyRecords}, time.Now()
	if n, err := s.Count(t.Context(), "session"); n != manyRecords || err != nil {
		t.Errorf("got %d, %v, want the last count of many records", n, err)
	}
	s.now = func() time.Time { return time.Now().Add(countKept) }
	if n, err := s.Count(t.Context(), "session"); n != 3000 || err != nil {
		t.Errorf("after a while: got %d, %v, want 3000", n, err)
	}
}

func TestCount_FailsWithoutItsServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, addressed(server.Address))
	server.Kill()
	if n, err := s.Count(t.Context(), "session"); err == nil {
		t.Errorf("got %d sessions, want an error", n)
	}
}

// A caller that waits for another count leaves when its context is done.
func TestCount_WaitersLeaveWhenTheirContextIsDone(t *testing.T) {
	t.Parallel()
	s := open(t, addressed("127.0.0.1:1"))
	s.counts.lock <- struct{}{}
	defer s.counts.unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Count(ctx, "session"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline exceeded", err)
	}
}

// A count that outlasts its caller is there for the next one, who waits for none.
func TestCount_GoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t, "appendfsync no").Address))
	save(t, s, "session-1", record("x"))
	ctx, cancel := context.WithCancel(t.Context())
	s.now = func() time.Time { cancel(); return time.Now() } // when the count is asked for, and when it is done
	s.counts.byKind = map[string]int{"session": manyRecords}
	if n, err := s.Count(ctx, "session"); !errors.Is(err, context.Canceled) && n != 1 {
		t.Fatalf("got %d, %v, want the caller to leave", n, err)
	}
	s.counts.wait()
	if n := s.counts.byKind["session"]; n != 1 {
		t.Errorf("got %d sessions, want the count of the caller who has left", n)
	}
}
