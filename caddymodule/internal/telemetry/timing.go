package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	labels "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// endpoints are the labels of calls to authentik, by a part of their paths. The
// set is closed: a slug or a user never becomes a label.
var endpoints = []struct{ part, label string }{
	{"/api/v3/flows/executor/", "executor"},
	{"/flows/-/default/", "default-flow"},
	{"/api/v3/core/users/me/", "user"},
	{"/check_access/", "access"},
	{"/api/v3/core/brands/current/", "brand"},
	{"/api/v3/root/config/", "config"},
	{"/flows/-/cancel/", "cancel"},
}

// Endpoints returns the values of the label endpoint.
func Endpoints() []string {
	all := []string{otherLabel}
	for _, e := range endpoints {
		all = append(all, e.label)
	}
	return all
}

func endpoint(path string) string {
	for _, e := range endpoints {
		if strings.Contains(path, e.part) {
			return e.label
		}
	}
	return otherLabel
}

// timings receive the durations of operations.
type timings interface {
	// Request records one call to authentik.
	Request(endpoint string, took time.Duration)
	// Store records one operation of the session store.
	Store(operation string, took time.Duration)
}

// Transport returns a transport that measures every request to authentik until
// the response begins. If the visitor's request is traced, the request to
// authentik is traced too.
func Transport(t http.RoundTripper, metrics Metrics) http.RoundTripper {
	return timedTransport{t, metrics}
}

// Store returns a store that measures the operations of a session store. It
// also traces those of requests that are traced.
func Store(s proxy.Store, metrics Metrics) proxy.Store { return timedStore{s, metrics} }

// A timedTransport measures every request to authentik until the response
// begins. If the visitor's request is traced, the request to authentik is
// traced too.
type timedTransport struct {
	http.RoundTripper
	metrics timings
}

// RoundTrip passes the request on.
func (t timedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	name := endpoint(r.URL.Path)
	defer t.since(name, time.Now())
	ctx, span := startSpan(r.Context(), trace.SpanKindClient, "authentik ", name)
	if span == nil {
		return t.RoundTripper.RoundTrip(r)
	}
	response, err := t.RoundTripper.RoundTrip(r.WithContext(ctx))
	span.SetAttributes(labels.String("http.request.method", r.Method))
	if err == nil {
		span.SetAttributes(labels.Int("http.response.status_code", response.StatusCode))
	}
	endSpan(span, err)
	return response, err
}

// CloseIdleConnections closes those of the transport. Package flowclient does so
// if authentik hangs.
func (t timedTransport) CloseIdleConnections() {
	if idle, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

func (t timedTransport) since(endpoint string, begin time.Time) {
	t.metrics.Request(endpoint, time.Since(begin))
}

// A timedStore measures the operations of a session store, and traces those of
// requests that are traced. It does not measure Lease and Watch, whose duration
// depends on their callers.
type timedStore struct {
	proxy.Store
	metrics timings
}

// begin begins an operation, under the documented label. The caller calls end
// with the operation's error.
func (s timedStore) begin(ctx context.Context, operation string) (inner context.Context, end func(*error)) {
	begin := time.Now()
	inner, span := startSpan(ctx, trace.SpanKindClient, "store ", operation)
	return inner, func(err *error) {
		s.metrics.Store(operation, time.Since(begin))
		if span != nil {
			endSpan(span, *err)
		}
	}
}

// Load measures loading.
func (s timedStore) Load(ctx context.Context, name string) (r proxy.Record, found bool, err error) {
	ctx, end := s.begin(ctx, "load")
	defer end(&err)
	return s.Store.Load(ctx, name)
}

// Save measures saving.
func (s timedStore) Save(ctx context.Context, name string, r proxy.Record) (v proxy.Version, err error) {
	ctx, end := s.begin(ctx, "save")
	defer end(&err)
	return s.Store.Save(ctx, name, r)
}

// Delete measures deleting.
func (s timedStore) Delete(ctx context.Context, name string) (err error) {
	ctx, end := s.begin(ctx, "delete")
	defer end(&err)
	return s.Store.Delete(ctx, name)
}

// Revoke measures revoking.
func (s timedStore) Revoke(ctx context.Context, name string, until time.Time) (err error) {
	ctx, end := s.begin(ctx, "bury")
	defer end(&err)
	return s.Store.Revoke(ctx, name, until)
}

// Revoked measures looking up tombstones.
func (s timedStore) Revoked(ctx context.Context, names ...string) (revoked bool, err error) {
	ctx, end := s.begin(ctx, "buried")
	defer end(&err)
	return s.Store.Revoked(ctx, names...)
}
