package proxy

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestStream_ThatBeginsAtAClosedGateKeepsItActive: a request may come to the old gate
// while the last of the others ends there.
func TestStream_ThatBeginsAtAClosedGateKeepsItActive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, nil)
		next, leave, left := s.gate(nil), make(chan struct{}), make(chan error, 1)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/live", nil)
		r.AddCookie(&http.Cookie{Name: cookieNames(s.Gate).Session, Value: s.cookie})
		go func() {
			left <- s.Guard(httptest.NewRecorder(), r, func(http.ResponseWriter, *http.Request) error { <-leave; return nil })
		}()
		time.Sleep(endsWithin) // it is a stream then
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		ended := s.open(http.MethodGet, nil)
		close(leave)
		if err := <-left; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case <-s.Closed():
			t.Error("got a gate that is closed while a request runs")
		default:
		}
		time.Sleep(time.Minute)
		s.runs(ended)
		s.end(next)
		s.ends(ended)
		synctest.Wait()
		select {
		case <-s.Closed():
		default:
			t.Error("got a closed gate that goes on without a request")
		}
	})
}
