package caddymodule

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// endpoints tell the calls to authentik apart, by what is in their paths. The
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

func endpoint(path string) string {
	for _, e := range endpoints {
		if strings.Contains(path, e.part) {
			return e.label
		}
	}
	return otherLabel
}

// durations are told how long things took.
type durations interface {
	// Request measures one call to authentik.
	Request(endpoint string, took time.Duration)
	// Store measures one operation of the store of sessions.
	Store(operation string, took time.Duration)
}

// measuredTransport measures every request to authentik until its answer begins.
type measuredTransport struct {
	http.RoundTripper
	metrics durations
}

// RoundTrip passes the request on, whatever becomes of it.
func (t measuredTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer t.since(endpoint(r.URL.Path), time.Now())
	return t.RoundTripper.RoundTrip(r)
}

func (t measuredTransport) since(endpoint string, begun time.Time) {
	t.metrics.Request(endpoint, time.Since(begun))
}

// measuredStore measures what goes to a store of sessions. Lease and Watch last as
// long as their callers want, which says nothing about the store.
type measuredStore struct {
	proxy.Store
	metrics durations
}

func (s measuredStore) since(operation string, begun time.Time) {
	s.metrics.Store(operation, time.Since(begun))
}

// Load measures loading.
func (s measuredStore) Load(ctx context.Context, name string) (proxy.Record, bool, error) {
	defer s.since("load", time.Now())
	return s.Store.Load(ctx, name)
}

// Save measures saving.
func (s measuredStore) Save(ctx context.Context, name string, r proxy.Record) (proxy.Version, error) {
	defer s.since("save", time.Now())
	return s.Store.Save(ctx, name, r)
}

// Delete measures deleting.
func (s measuredStore) Delete(ctx context.Context, name string) error {
	defer s.since("delete", time.Now())
	return s.Store.Delete(ctx, name)
}

// Revoke measures a revocation.
func (s measuredStore) Revoke(ctx context.Context, name string, until time.Time) error {
	defer s.since("bury", time.Now())
	return s.Store.Revoke(ctx, name, until)
}

// Revoked measures a look for tombstones.
func (s measuredStore) Revoked(ctx context.Context, names ...string) (bool, error) {
	defer s.since("buried", time.Now())
	return s.Store.Revoked(ctx, names...)
}
