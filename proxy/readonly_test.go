package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// readOnlyStore counts calls that would change it.
type readOnlyStore struct {
	Store
	writes atomic.Int64
}

func (s *readOnlyStore) Save(ctx context.Context, name string, r Record) (Version, error) {
	s.writes.Add(1)
	return s.Store.Save(ctx, name, r)
}

func (s *readOnlyStore) Delete(ctx context.Context, name string) error {
	s.writes.Add(1)
	return s.Store.Delete(ctx, name)
}

func (s *readOnlyStore) Revoke(ctx context.Context, name string, until time.Time) error {
	s.writes.Add(1)
	return s.Store.Revoke(ctx, name, until)
}

func (s *readOnlyStore) Lease(ctx context.Context, name string, d time.Duration) (func(), bool, error) {
	s.writes.Add(1)
	return s.Store.Lease(ctx, name, d)
}

// TestDecide_OnlyReads holds decide and the check of a session to writing
// nothing: neither to the response, nor to the request, nor to the store, and to
// asking authentik nothing, whatever the request and the age of its session.
func TestDecide_OnlyReads(t *testing.T) {
	t.Parallel()
	store, c := &readOnlyStore{Store: newStore(t)}, &clock{}
	g, cookie := held(t, func(cfg *Config) {
		cfg.Store, cfg.Now, cfg.Application, cfg.Login, cfg.PageHost = store, c.now, "app", LoginRelay, true
		cfg.Hosts = []string{"app.example.com"}
	}, session.Record{User: User{Username: "jane"}, Until: time.Now().Add(24 * time.Hour)})
	setClient(g, silentAuthentik{}) // panics when it is asked
	at := somewhere("app.example.com")
	for _, age := range []time.Duration{0, 6 * time.Minute, time.Hour, 48 * time.Hour} {
		c.move(age)
		before := store.writes.Load()
		for _, path := range []string{"/", "/.authentik/login", "/if/flow/login/", "/api/v3/flows/executor/login/", "/static/dist/x.js"} {
			for _, value := range []string{"", cookie, "junk"} {
				r := httptest.NewRequest(http.MethodGet, "https://app.example.com"+path, nil)
				r.Header.Set("Accept", "text/html")
				r.AddCookie(&http.Cookie{Name: cookieNames(g).Session, Value: value})
				at.Asked = r.URL
				headers, w := len(r.Header), httptest.NewRecorder()
				x := exchangeAt(g, r, at)
				x.W = w
				g.decisions.Decide(x)
				if s, found, _ := x.Session(); found {
					g.access.Check(s, 0, nil)
				}
				if len(w.Header()) != 0 || w.Body.Len() != 0 || len(r.Header) != headers {
					t.Errorf("%s with %q: got a response or a changed request, want neither", path, value)
				}
			}
		}
		if got := store.writes.Load() - before; got != 0 {
			t.Errorf("after %v: got %d writes to the store, want none", age, got)
		}
	}
}
