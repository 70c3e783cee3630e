package caddymodule

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A connection that has outlived its configuration gets to the next one.
func TestHandler_WhoseConfigurationHasEndedClosesTheConnection(t *testing.T) {
	t.Parallel()
	s := &starter{letGo: func() error { return nil }}
	h := &Handler{starters: []*starter{s}, log: slog.New(slog.DiscardHandler)}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.createKey = func(context.Context) ([]byte, error) { return nil, errStopped }
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err := h.ServeHTTP(w, r, nil); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Connection"); got != "close" || w.Code != http.StatusServiceUnavailable {
		t.Errorf("got status %d with Connection: %q, want 503 with close", w.Code, got)
	}
}
