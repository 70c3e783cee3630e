package caddymodule

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
)

// A connection that has outlived its configuration gets to the next one.
func TestHandler_WhoseConfigurationHasEndedClosesTheConnection(t *testing.T) {
	t.Parallel()
	s := &gates.Starter{LetGo: func() error { return nil }}
	h := &Handler{posts: []post{{Starter: s}}, log: slog.New(slog.DiscardHandler)}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s.CreateKey = func(context.Context) ([]byte, error) { return nil, errors.New("ended") }
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err := h.ServeHTTP(w, r, nil); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Connection"); got != "close" || w.Code != http.StatusServiceUnavailable {
		t.Errorf("got status %d with Connection: %q, want 503 with close", w.Code, got)
	}
}
