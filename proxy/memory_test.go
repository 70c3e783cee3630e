package proxy

import (
	"testing"
	"time"
)

func TestMemoryCountsANameOnceThatWasOverBetween(t *testing.T) {
	t.Parallel()
	m := newStore(t)
	for range 3 {
		if _, err := m.Save(t.Context(), "session-a", Record{Expiry: time.Now().Add(20 * time.Millisecond)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond)
	}
	if n, err := m.Count(t.Context(), "session"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	m.records.DeleteExpired() // as the sweeper does
	if n, err := m.Count(t.Context(), "session"); n != 0 || err != nil {
		t.Errorf("after a sweep: %d, %v", n, err)
	}
}
