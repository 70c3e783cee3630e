package storagestore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

// tallied is a store as a Counter, as Caddy has it on the file system.
type tallied struct{ *Store }

func (c tallied) Count(ctx context.Context, kind string) (int, error) { return c.Tally(ctx, kind) }

func TestATallyCountsAsACounterDoes(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store { return tallied{open(t, files(t))} })
}

func tally1(t testing.TB, s *Store, want int) {
	t.Helper()
	if n, err := s.Tally(t.Context(), "session"); n != want || err != nil {
		t.Errorf("%d, %v; want %d", n, err, want)
	}
}

func TestATallyReadsEachRecordOnce(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	for i := range 20 {
		save(t, s, fmt.Sprintf("session-%d", i), record("one"))
		save(t, s, fmt.Sprintf("roll-%d", i), record("one"))
	}
	for _, want := range []int{20, 0} {
		kept.did()
		tally1(t, s, 20)
		loads := 0
		for _, op := range kept.did() {
			if strings.HasPrefix(op, "load") {
				loads++
			}
		}
		if loads != want {
			t.Errorf("%d records are read, want %d", loads, want)
		}
	}
	bury(t, s, "session-3")
	save(t, s, "session-new", record("one"))
	tally1(t, s, 20)
}

func TestATallyLeavesOutWhatIsOverAndNotYetSwept(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	short := record("one")
	short.Expiry = time.Now().Add(time.Minute)
	save(t, s, "session-short", short)
	save(t, s, "session-long", record("one"))
	tally1(t, s, 2)
	s.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	tally1(t, s, 1)
	s.now = func() time.Time { return time.Now().Add(tallyKept + 3*time.Minute) }
	tally1(t, s, 1)
}

func TestATallyThatFailsSaysNothing(t *testing.T) {
	t.Parallel()
	s, _ := still(t, newShelf())
	save(t, s, "session-a", record("one"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Tally(ctx, "session"); err == nil {
		t.Error("a context that is done is no error")
	}
}

// What a scrape costs, once everything has been read.
func BenchmarkTally(b *testing.B) {
	storage := files(b)
	s, _ := still(b, storage)
	lay(b, storage.Path, 100_000)
	begun := time.Now()
	if n, err := s.Tally(b.Context(), "session"); n != 100_000 || err != nil {
		b.Fatal(n, err)
	}
	b.Logf("the first takes %v", time.Since(begun))
	for b.Loop() {
		if n, err := s.Tally(b.Context(), "session"); n != 100_000 || err != nil {
			b.Fatal(n, err)
		}
	}
}
