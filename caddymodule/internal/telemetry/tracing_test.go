package telemetry

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A quiet transport answers nothing, and allocates nothing.
type quiet struct{ answer *http.Response }

func (q quiet) RoundTrip(*http.Request) (*http.Response, error) { return q.answer, nil }

func TestTracing_WithoutASpanCostsNothing(t *testing.T) {
	timed := timedTransport{quiet{&http.Response{StatusCode: http.StatusOK, Body: http.NoBody}}, new(nothingCounted)}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v3/core/users/me/", nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = timed.RoundTrip(r) }); n != 0 { //nolint:bodyclose // the response has no body
		t.Errorf("got %v allocations of a request, want none", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = Tracer{}.Start(r.Context(), "sign-in begin") }); n != 0 {
		t.Errorf("got %v allocations of a span, want none", n)
	}
}

type nothingCounted struct{ proxy.NopMetrics }

func (nothingCounted) Request(string, time.Duration) {}
func (nothingCounted) Store(string, time.Duration)   {}
