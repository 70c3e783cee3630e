package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/telemetry"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A collector is an exporter of spans in this process.
type collector struct {
	mu    sync.Mutex
	spans []sdktrace.ReadOnlySpan
}

// collected has the spans of all Caddys of this process: the name of an exporter
// can be taken once.
var collected = sync.OnceValue(func() *collector {
	c := new(collector)
	autoexport.RegisterSpanExporter("collector", func(context.Context) (sdktrace.SpanExporter, error) { return c, nil })
	return c
})

func (c *collector) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, spans...)
	return nil
}

func (*collector) Shutdown(context.Context) error { return nil }

// TestTracing_FollowsASignIn runs Caddy's own directive tracing.
func TestTracing_FollowsASignIn(t *testing.T) {
	spans := collected()
	t.Setenv("OTEL_TRACES_EXPORTER", "collector")
	s := newSite(t)
	s.load("SITE {\n\ttracing\n\tauthentik AUTHENTIK\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.signIn("/private?token=hush", "ada")
	b.get("/")
	if err := caddy.Stop(); err != nil { // which exports what is left
		t.Fatal(err)
	}
	spans.mu.Lock()
	defer spans.mu.Unlock()
	byID, below := map[trace.SpanID]sdktrace.ReadOnlySpan{}, map[string][]string{}
	for _, one := range spans.spans {
		byID[one.SpanContext().SpanID()] = one
	}
	for _, one := range spans.spans {
		if one.InstrumentationScope().Name != telemetry.Scope {
			continue
		}
		above, found := byID[one.Parent().SpanID()]
		if !found {
			t.Errorf("got the span %s without one above it, want it below that of its request", one.Name())
			continue
		}
		below[above.Name()] = append(below[above.Name()], one.Name())
		if text := fmt.Sprint(one.Name(), one.Attributes(), one.Status()); strings.Contains(text, "ada") || strings.Contains(text, "secret") || strings.Contains(text, "hush") {
			t.Errorf("got %s, want no user, answer or query", text)
		}
	}
	for above, want := range map[string][]string{
		"handler":        {"sign-in begin", "sign-in answer"},
		"sign-in answer": {"authentik executor", "authentik user", "store save"},
	} {
		for _, name := range want {
			if !slices.Contains(below[above], name) {
				t.Errorf("got %v below %s, want %s too", below[above], above, name)
			}
		}
	}
	outcomes := map[string]bool{}
	for _, one := range spans.spans {
		for _, label := range one.Attributes() {
			if label.Key == "authentik.outcome" {
				outcomes[label.Value.AsString()] = true
			}
		}
	}
	if !outcomes["accepted"] && !outcomes["admitted"] {
		t.Errorf("got the outcomes %v, want those of the sign-in", outcomes)
	}
}

// A store load that several requests wait for is part of the first one's trace.
func TestTracing_SessionIsLoadedWithinTheRequest(t *testing.T) {
	spans := collected()
	t.Setenv("OTEL_TRACES_EXPORTER", "collector")
	s := newSite(t)
	const text = "SITE {\n\ttracing {\n\t\tspan again\n\t}\n\tauthentik AUTHENTIK\n\treverse_proxy APP\n}\n"
	s.load(text)
	b := s.browser()
	b.signIn("/", "ada")
	s.load(text + "# so that the session is read again\n:PORT {\n\tbind 127.0.0.2\n}\n")
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	spans.mu.Lock()
	defer spans.mu.Unlock()
	requests := map[trace.SpanID]bool{}
	for _, one := range spans.spans {
		if one.Name() == "again" {
			requests[one.SpanContext().SpanID()] = true
		}
	}
	if !slices.ContainsFunc(spans.spans, func(one sdktrace.ReadOnlySpan) bool {
		return one.Name() == "store load" && requests[one.Parent().SpanID()]
	}) {
		t.Error("got no span of the load, want one below that of the request")
	}
}
