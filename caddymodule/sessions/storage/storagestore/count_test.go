package storagestore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// counter is the store as a Counter, which it is on the file system.
type counter struct{ *Store }

func (c counter) Count(ctx context.Context, kind string) (int, error) {
	return c.CountRecords(ctx, kind)
}

func expectCount(t testing.TB, s *Store, want int) {
	t.Helper()
	if n, err := s.CountRecords(t.Context(), "session"); n != want || err != nil {
		t.Errorf("got %d sessions, %v, want %d", n, err, want)
	}
}

func TestCountRecords_ReadsEachRecordOnce(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	for i := range 20 {
		save(t, s, fmt.Sprintf("session-%d", i), record("one"))
		save(t, s, fmt.Sprintf("roll-%d", i), record("one"))
	}
	for _, want := range []int{20, 0} {
		kept.did()
		expectCount(t, s, 20)
		loads := 0
		for _, op := range kept.did() {
			if strings.HasPrefix(op, "load") {
				loads++
			}
		}
		if loads != want {
			t.Errorf("got %d records read, want %d", loads, want)
		}
	}
	revoke(t, s, "session-3")
	save(t, s, "session-new", record("one"))
	expectCount(t, s, 20)
}

func TestCountRecords_ExpiredOnesDoNotCount(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	short := record("one")
	short.Expiry = time.Now().Add(time.Minute)
	save(t, s, "session-short", short)
	save(t, s, "session-long", record("one"))
	expectCount(t, s, 2)
	s.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	expectCount(t, s, 1)
	s.now = func() time.Time { return time.Now().Add(countKept + 3*time.Minute) }
	expectCount(t, s, 1)
}

// Of many records only some are counted: those of the first directories. The bounds
// are those of 100 among 1000 with six standard errors.
func TestCountRecords_ManyAreEstimated(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	s.counts.enough = 100
	for i := range 1000 {
		save(t, s, fmt.Sprintf("session-%d", i), record("one"))
	}
	n, err := s.CountRecords(t.Context(), "session")
	if err != nil || n < 400 || n > 1600 {
		t.Errorf("got %d sessions, %v, want about 1000", n, err)
	}
	if known := len(s.counts.ends); known < 100 || known > 150 {
		t.Errorf("got the ends of %d records in memory, want those of the first directories", known)
	}
}

func TestCountRecords_DoneContextIsAnError(t *testing.T) {
	t.Parallel()
	s, _ := newIdle(t, newMemoryStorage())
	save(t, s, "session-a", record("one"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.CountRecords(ctx, "session"); err == nil {
		t.Error("got no error, want one")
	}
}

// The cost of a scrape, once every record has been read.
func BenchmarkCountRecords(b *testing.B) {
	storage := fileStorage(b)
	s, _ := newIdle(b, storage)
	writeSessions(b, storage.Path, 100_000)
	begun := time.Now()
	if n, err := s.CountRecords(b.Context(), "session"); n != 100_000 || err != nil {
		b.Fatal(n, err)
	}
	b.Logf("the first count took %v", time.Since(begun))
	for b.Loop() {
		if n, err := s.CountRecords(b.Context(), "session"); n != 100_000 || err != nil {
			b.Fatal(n, err)
		}
	}
}
