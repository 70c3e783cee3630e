package signin

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

func TestSubmissions_ResultIsKeptForAMinuteAndFailuresAreNot(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSubmissions(func() time.Time { return now })
	given := 0
	result := func(out Outcome) func() Outcome { return func() Outcome { given++; return out } }
	failed := result(Outcome{Err: fault.New(fault.AuthentikUnreachable, nil)})
	heldBack := result(Outcome{wait: time.Second})
	refused, accepted := result(Outcome{}), result(Outcome{advanced: true})
	for i, row := range []struct {
		later  time.Duration
		answer string
		give   func() Outcome
		given  int
	}{
		{0, "x", failed, 1}, {0, "x", heldBack, 2}, // neither is a result
		{0, "x", refused, 3}, {0, "x", accepted, 3}, // the same answer again
		{0, "y", accepted, 4}, {0, "x", refused, 4}, {0, "y", refused, 4}, // another one, which is accepted
		{submissionLifetime - 1, "z", accepted, 4}, {1, "z", accepted, 5},
	} {
		now = now.Add(row.later)
		if s.once(t.Context(), "visit", row.answer, row.give); given != row.given {
			t.Errorf("row %d: got %d answers given, want %d", i, given, row.given)
		}
	}
}

func TestSubmissions_AreGivenOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSubmissions(time.Now)
		var running, given atomic.Int32
		for i := range 20 {
			go s.once(t.Context(), "visit", string(rune('a'+i)), func() Outcome {
				if running.Add(1) > 1 {
					t.Error("got two answers of one visit at a time, want one")
				}
				given.Add(1)
				time.Sleep(time.Second)
				running.Add(-1)
				return Outcome{}
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := given.Load(); got != 20 {
			t.Errorf("answers that were refused, each another: got %d given, want 20", got)
		}
	})
}

func TestSubmissions_PanicReleasesAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSubmissions(time.Now)
		results := make(chan Outcome, 3)
		for range cap(results) {
			go func() {
				results <- s.once(t.Context(), "visit", "x", func() Outcome { time.Sleep(time.Second); panic("on the way") })
			}()
		}
		for range cap(results) {
			if got := <-results; got.Err == nil || got.Err.Code != fault.AuthentikUnexpected {
				t.Errorf("got %+v, want a failure", got)
			}
		}
		if got := s.once(t.Context(), "visit", "x", func() Outcome { return Outcome{advanced: true} }); !got.advanced {
			t.Errorf("afterwards: got %+v, want a result", got)
		}
	})
}
