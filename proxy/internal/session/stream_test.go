package session

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A connection notes whether its reads and writes were made to fail.
type connection struct {
	http.ResponseWriter
	cut bool
}

func (c *connection) SetWriteDeadline(time.Time) error { c.cut = true; return nil }
func (c *connection) SetReadDeadline(time.Time) error  { c.cut = true; return nil }

// By the time that a connection is to be cut, it may serve another request.
func TestStream_WhoseHandlerHasReturnedIsNotCut(t *testing.T) {
	t.Parallel()
	r := holding(t, 0)
	for _, finished := range []bool{true, false} {
		w := &connection{ResponseWriter: httptest.NewRecorder()}
		one := r.Follow(t.Context(), w, "", "", &Session{name: "session-1"}, 0)
		if finished {
			one.Finish()
		}
		one.cut()
		if w.cut == finished {
			t.Errorf("finished %v: got a connection that was cut: %v", finished, w.cut)
		}
		one.Finish()
	}
}
