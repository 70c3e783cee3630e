package caddymodule

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// endpoints tell calls to authentik apart by a part of their paths. The set is
// closed: a slug or a user never becomes a label.
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

// timings receive how long operations took.
type timings interface {
	// Request records one call to authentik.
	Request(endpoint string, took time.Duration)
	// Store records one operation of the session store.
	Store(operation string, took time.Duration)
}

// A timedTransport measures every request to authentik until the response
// begins.
type timedTransport struct {
	http.RoundTripper
	metrics timings
}

// RoundTrip passes the request on.
func (t timedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer t.since(endpoint(r.URL.Path), time.Now())
	return t.RoundTripper.RoundTrip(r)
}

func (t timedTransport) since(endpoint string, begin time.Time) {
	t.metrics.Request(endpoint, time.Since(begin))
}

// A timedStore measures the operations of a session store. It does not measure
// Lease and Watch, which take as long as their callers want.
type timedStore struct {
	proxy.Store
	metrics timings
}

func (s timedStore) since(operation string, begin time.Time) {
	s.metrics.Store(operation, time.Since(begin))
}

// Load measures loading.
func (s timedStore) Load(ctx context.Context, name string) (proxy.Record, bool, error) {
	defer s.since("load", time.Now())
	return s.Store.Load(ctx, name)
}

// Save measures saving.
func (s timedStore) Save(ctx context.Context, name string, r proxy.Record) (proxy.Version, error) {
	defer s.since("save", time.Now())
	return s.Store.Save(ctx, name, r)
}

// Delete measures deleting.
func (s timedStore) Delete(ctx context.Context, name string) error {
	defer s.since("delete", time.Now())
	return s.Store.Delete(ctx, name)
}

// Revoke measures revoking, under the documented label.
func (s timedStore) Revoke(ctx context.Context, name string, until time.Time) error {
	defer s.since("bury", time.Now())
	return s.Store.Revoke(ctx, name, until)
}

// Revoked measures looking for tombstones, under the documented label.
func (s timedStore) Revoked(ctx context.Context, names ...string) (bool, error) {
	defer s.since("buried", time.Now())
	return s.Store.Revoked(ctx, names...)
}
