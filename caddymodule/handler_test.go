package caddymodule

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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
	for major, want := range map[int]string{1: "close", 2: "close", 3: ""} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.ProtoMajor = major
		if err := h.ServeHTTP(w, r, nil); err != nil {
			t.Fatal(err)
		}
		if got := w.Header().Get("Connection"); got != want || w.Code != http.StatusServiceUnavailable {
			t.Errorf("HTTP/%d: got status %d with Connection: %q, want 503 with %q", major, w.Code, got, want)
		}
	}
}

// hurried notes the deadline for the body.
type hurried struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (h *hurried) SetReadDeadline(at time.Time) error {
	h.deadline = at
	return nil
}

// Without a gate, no client may hold a request by a body that it does not send.
func TestHandler_WithoutAGateDoesNotWaitForABody(t *testing.T) {
	t.Parallel()
	s := &gates.Starter{CreateKey: func(context.Context) ([]byte, error) { return nil, errors.New("no key") }}
	h := &Handler{posts: []post{{Starter: s}}, log: slog.New(slog.DiscardHandler)}
	for _, major := range []int{1, 2} {
		w := &hurried{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.ContentLength, r.ProtoMajor = 100, major
		if err := h.ServeHTTP(w, r, nil); err != nil {
			t.Fatal(err)
		}
		closes := w.Header().Get("Connection") == "close"
		if w.Code != http.StatusServiceUnavailable || w.deadline.IsZero() || closes != (major == 1) {
			t.Errorf("HTTP/%d: got status %d, a deadline %v and a closing connection %v, want 503, a deadline, and the end of the connection with HTTP/1 only",
				major, w.Code, !w.deadline.IsZero(), closes)
		}
	}
}

// TestHandler_EarlyDataChangesNothing: an attacker may replay what came before the TLS
// handshake was complete.
func TestHandler_EarlyDataChangesNothing(t *testing.T) {
	t.Parallel()
	s := &gates.Starter{CreateKey: func(context.Context) ([]byte, error) { return nil, errors.New("no key") }}
	h := &Handler{posts: []post{{Starter: s}}, log: slog.New(slog.DiscardHandler)}
	for _, tt := range []struct {
		method   string
		complete bool
		want     int
	}{
		{http.MethodGet, false, http.StatusServiceUnavailable},
		{http.MethodPost, true, http.StatusServiceUnavailable},
		{http.MethodPost, false, http.StatusTooEarly},
		{http.MethodConnect, false, http.StatusTooEarly},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), tt.method, "/", nil)
		r.TLS = &tls.ConnectionState{HandshakeComplete: tt.complete}
		if err := h.ServeHTTP(w, r, nil); err != nil {
			t.Fatal(err)
		}
		if w.Code != tt.want {
			t.Errorf("%s, handshake complete %v: got status %d, want %d", tt.method, tt.complete, w.Code, tt.want)
		}
	}
}
