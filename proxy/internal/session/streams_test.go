package session

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"
)

// holding has n streams of as many users, each held for a while.
func holding(t testing.TB, n int) *Registry {
	t.Helper()
	r := &Registry{Options: Options{Now: time.Now, Streams: new(Streams)}, reviews: make(chan struct{}, 1)}
	for i := range n {
		s := &Session{name: fmt.Sprintf("session-%d", i), ends: []string{fmt.Sprintf("user-%d", i)}, Until: time.Now().Add(time.Hour)}
		r.Follow(context.Background(), httptest.NewRecorder(), "", "", s, 0)
	}
	r.Streams.promote(func(*Stream) bool { return true })
	return r
}

func TestStreams_AreFoundByEveryNameThatEndsTheirSession(t *testing.T) {
	t.Parallel()
	r := holding(t, 1000)
	for name, want := range map[string]int{"session-7": 1, "user-7": 1, "user-1000": 0, "": 0} {
		found := r.Streams.named(name)
		if len(found) != want {
			t.Errorf("got %d streams by the name %q, want %d", len(found), name, want)
		}
		for _, one := range found {
			if !one.Session.EndsWith(name) {
				t.Errorf("got the stream of %s by the name %q", one.Session.name, name)
			}
		}
	}
}

func TestStreams_NothingIsHeldOfWhatHasFinished(t *testing.T) {
	t.Parallel()
	r := holding(t, 100)
	young := r.Follow(t.Context(), httptest.NewRecorder(), "", "", &Session{name: "young"}, 0)
	for one := range r.Streams.open {
		one.Finish()
		one.Finish()
	}
	young.Finish()
	if s := r.Streams; len(s.open) != 0 || len(s.byName) != 0 || r.running != 0 {
		t.Errorf("got %d streams, %d names and %d running, want none", len(s.open), len(s.byName), r.running)
	}
	r.Streams.promote(func(*Stream) bool { return true })
	if n := r.Streams.Len(); n != 0 {
		t.Errorf("got %d streams of requests that have finished, want none", n)
	}
}

// BenchmarkStreams_End is what the end of one session costs beside the streams
// of others.
func BenchmarkStreams_End(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprintf("streams=%d", n), func(b *testing.B) {
			r := holding(b, n)
			for b.Loop() {
				r.Streams.End("user-7")
			}
		})
	}
}
