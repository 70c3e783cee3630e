package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
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
}

// A count that took long is reused, but not forever.
func TestCount_PausesForLongerThanItTook(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t, "appendfsync no").Address))
	now, took := time.Now(), slowCount
	s.now = func() time.Time { now = now.Add(took); return now }
	save(t, s, "session-1", record("x"))
	expect := func(want int) {
		t.Helper()
		if n, err := s.Count(t.Context(), "session"); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
	expect(1)
	save(t, s, "session-2", record("x"))
	expect(1)
	now = now.Add(countPause * slowCount)
	took = time.Hour
	expect(2)
	save(t, s, "session-3", store.Record{Value: []byte("x"), Expiry: now.Add(24 * time.Hour)})
	took = countKept
	expect(3)
}

// Of many records only some are counted. The bounds are those of 200 among 4000
// with six standard errors.
func TestCount_ManyAreEstimated(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "appendfsync no")
	s := open(t, addressed(server.Address))
	s.counts.enough = 200
	for i := range 4000 {
		save(t, s, fmt.Sprintf("session-%d", i), record("x"))
		if i%4 == 0 {
			save(t, s, fmt.Sprintf("user-%d", i), record("x"))
		}
	}
	n, err := s.Count(t.Context(), "session")
	if err != nil || n < 3700 || n > 4300 {
		t.Errorf("got %d sessions, %v, want about 4000", n, err)
	}
	stats, err := s.client.Info(t.Context(), "commandstats").Result()
	if err != nil || !strings.Contains(stats, "cmdstat_scan:calls=1,") {
		t.Errorf("got %v, and these commands, want one SCAN:\n%s", err, stats)
	}
}

// Rights that this store was once content with have no DBSIZE.
func TestCount_AllAreCountedIfTheServerDoesNotTellItsSize(t *testing.T) {
	t.Parallel()
	withoutSize := strings.ReplaceAll(rights, " +dbsize", "")
	server := redistest.Start(t, "appendfsync no", "user default off", "user gate on >"+secret+" "+withoutSize)
	s := open(t, Config{Addresses: []string{server.Address}, Username: "gate", Password: secret, Prefix: DefaultPrefix})
	s.counts.enough = 1
	expectCount(t, s, 3000)
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
	now := time.Now()
	s.now = func() time.Time { // when the count is asked for, begins and is done
		cancel()
		now = now.Add(slowCount)
		return now
	}
	if n, err := s.Count(ctx, "session"); !errors.Is(err, context.Canceled) && n != 1 {
		t.Fatalf("got %d, %v, want the caller to leave", n, err)
	}
	s.counts.wait()
	if n := s.counts.byKind["session"].n; n != 1 {
		t.Errorf("got %d sessions, want the count of the caller who has left", n)
	}
}
