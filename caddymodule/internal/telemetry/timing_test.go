package telemetry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A recorder records labels.
type recorder struct {
	proxy.NopMetrics
	requests, operations []string
}

func (r *recorder) Request(endpoint string, _ time.Duration) {
	r.requests = append(r.requests, endpoint)
}

func (r *recorder) Store(operation string, _ time.Duration) {
	r.operations = append(r.operations, operation)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransport_IsTimedWithAClosedSetOfLabels(t *testing.T) {
	t.Parallel()
	broken := errors.New("no route")
	counted := new(recorder)
	timed := timedTransport{transportFunc(func(*http.Request) (*http.Response, error) { return nil, broken }), counted}
	calls := map[string]string{
		"/api/v3/flows/executor/main/":                "executor",
		"/sub/api/v3/flows/executor/main/":            "executor",
		"/flows/-/default/authentication/":            "default-flow",
		"/api/v3/core/users/me/":                      "user",
		"/api/v3/core/applications/ada/check_access/": "access",
		"/api/v3/core/brands/current/":                "brand",
		"/api/v3/root/config/":                        "config",
		"/static/dist/ada.png":                        "other",
	}
	var want []string
	for path, label := range calls {
		res, err := timed.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if !errors.Is(err, broken) {
			t.Errorf("%s: got error %v, want %v", path, err, broken)
			_ = res.Body.Close()
		}
		want = append(want, label)
	}
	slices.Sort(want)
	slices.Sort(counted.requests)
	if diff := cmp.Diff(want, counted.requests); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestStore_IsTimedAndUnchanged(t *testing.T) {
	t.Parallel()
	counted := new(recorder)
	kept := proxy.NewMemory()
	t.Cleanup(func() { _ = kept.Close() })
	s := timedStore{kept, counted}
	ctx, end := t.Context(), time.Now().Add(time.Hour)
	if _, err := s.Save(ctx, "a", proxy.Record{Value: []byte("x"), Expiry: end}); err != nil {
		t.Fatal(err)
	}
	if r, found, err := s.Load(ctx, "a"); err != nil || !found || string(r.Value) != "x" {
		t.Errorf("got %q, %v, %v, want x", r.Value, found, err)
	}
	if err := s.Delete(ctx, "a"); err != nil {
		t.Error(err)
	}
	if err := s.Revoke(ctx, "a", end); err != nil {
		t.Error(err)
	}
	if buried, err := s.Revoked(ctx, "a"); err != nil || !buried {
		t.Errorf("got revoked %v, %v, want true", buried, err)
	}
	if diff := cmp.Diff([]string{"save", "load", "delete", "bury", "buried"}, counted.operations); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// A closer counts how often its idle connections are closed.
type closer struct {
	transportFunc
	closed int
}

func (c *closer) CloseIdleConnections() { c.closed++ }

// TestTransport_ClosesIdleConnections: the client does so if authentik hangs, and
// finds the method only on the outermost transport.
func TestTransport_ClosesIdleConnections(t *testing.T) {
	t.Parallel()
	inner := new(closer)
	(&http.Client{Transport: timedTransport{inner, new(recorder)}}).CloseIdleConnections()
	if inner.closed != 1 {
		t.Errorf("got idle connections closed %d times, want once", inner.closed)
	}
	(&http.Client{Transport: timedTransport{transportFunc(nil), new(recorder)}}).CloseIdleConnections()
}
