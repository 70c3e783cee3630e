package answer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswer_IsWhatTheApplicationHasWritten(t *testing.T) {
	t.Parallel()
	var a Answer
	a.WriteHeader(http.StatusEarlyHints)
	a.Header().Add("Set-Cookie", "sid=1; Path=/")
	a.WriteHeader(http.StatusFound)
	a.Header().Set("Location", "/too-late")
	if _, err := a.Write([]byte("moved")); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Set-Cookie", "gate=1")
	a.Replay(w)
	if w.Code != http.StatusFound || w.Body.String() != "moved" || w.Header().Get("Location") != "" {
		t.Errorf("got %d %q %v, want the answer as it began", w.Code, w.Body, w.Header())
	}
	if got := len(w.Header()["Set-Cookie"]); got != 2 {
		t.Errorf("got %d cookies, want those of the gate too", got)
	}
	if got := a.Cookies(); len(got) != 1 || got[0].Name != "sid" {
		t.Errorf("got cookies %v, want sid", got)
	}
}

func TestAnswer_WithoutABodyIsAnOK(t *testing.T) {
	t.Parallel()
	var a Answer
	a.Header().Set("X", "y")
	if a.Sent().Get("X") != "y" || a.Status != http.StatusOK {
		t.Errorf("got %d, %v", a.Status, a.Sent())
	}
}

func TestAnswer_IsBounded(t *testing.T) {
	t.Parallel()
	var a Answer
	if _, err := a.Write([]byte(strings.Repeat("x", MaxBody))); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, ErrTooLong) || len(a.Body) != MaxBody {
		t.Errorf("got %v after %d bytes, want ErrTooLong", err, len(a.Body))
	}
	a.sent.Set("Content-Length", "1048577")
	w := httptest.NewRecorder()
	a.Replay(w)
	if w.Body.Len() != 0 || w.Header().Get("Content-Length") != "" {
		t.Errorf("got %d bytes of a body that was cut off, want none", w.Body.Len())
	}
}
