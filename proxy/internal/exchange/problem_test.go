package exchange

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// Metrics that count nothing.
type uncounted struct{}

func (uncounted) Step(string, string)              {}
func (uncounted) SignIn(string, string)            {}
func (uncounted) SignInTook(string, time.Duration) {}
func (uncounted) Refused(string)                   {}
func (uncounted) Ended(string)                     {}

// A visitor who closes the page while a session is looked up is no failure of
// the store.
func TestReport_AClientThatHasGoneAwayIsNoError(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, tt := range map[string]struct {
		ctx   context.Context //nolint:containedctx // of one request
		cause error
		want  string
	}{
		"gone":               {gone, context.Canceled, "level=DEBUG"},
		"gone, store failed": {gone, errors.New("the disk is full"), "level=ERROR"},
		"still there":        {t.Context(), context.Canceled, "level=ERROR"},
	} {
		var lines bytes.Buffer
		x := &Exchange{
			W: httptest.NewRecorder(), R: httptest.NewRequestWithContext(tt.ctx, http.MethodGet, "/", nil),
			At:     Resolved{Scheme: "https", Host: "app.example.com", Asked: &url.URL{Path: "/"}},
			Shared: &Shared{Metrics: uncounted{}, Logger: slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))},
		}
		x.Problem(fault.New(fault.SessionsUnavailable, tt.cause))
		if got := lines.String(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got the line %q, want %s", name, got, tt.want)
		}
	}
}
