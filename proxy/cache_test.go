package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A counting store counts what is read, and can be made to fail or to wait.
type countingStore struct {
	Store
	loads atomic.Int64
	fail  atomic.Bool
	gate  chan struct{} // closed when loads may go on; nil: at once
}

func (s *countingStore) Load(ctx context.Context, name string) (Record, bool, error) {
	s.loads.Add(1)
	if s.gate != nil {
		<-s.gate
	}
	if s.fail.Load() {
		return Record{}, false, errors.New("out of order")
	}
	return s.Store.Load(ctx, name)
}

// Watch fails while the store does.
func (s *countingStore) Watch(ctx context.Context, ended func(string)) error {
	if s.fail.Load() {
		return errors.New("out of order")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	broken := make(chan struct{})
	go func() {
		for ctx.Err() == nil && !s.fail.Load() {
			background.Sleep(ctx, time.Millisecond)
		}
		close(broken)
		cancel()
	}()
	err := s.Store.Watch(ctx, ended)
	<-broken
	if s.fail.Load() {
		return errors.New("out of order")
	}
	return err
}

func counted(t testing.TB, rec session.Record) (*Gate, *countingStore, *clock, string) {
	t.Helper()
	store, c := &countingStore{Store: newStore(t)}, &clock{}
	g, cookie := held(t, func(cfg *Config) { cfg.Store, cfg.Now = store, c.now }, rec)
	awaitWatch(t, g, true)
	store.loads.Store(0) // the beginning of the session read as well
	return g, store, c, cookie
}

// awaitWatch waits until a gate watches its store, or has lost the watch.
func awaitWatch(t testing.TB, g *Gate, want bool) {
	t.Helper()
	for begun := time.Now(); g.sessions.Watched() != want; time.Sleep(time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("got watched %v, want the opposite", !want)
		}
	}
}

func TestCache_ConcurrentRequestsReadTheStoreOnce(t *testing.T) {
	t.Parallel()
	g, store, _, cookie := counted(t, session.Record{User: User{Username: "jane"}})
	store.gate = make(chan struct{})
	at := somewhere("app.example.com")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
				t.Errorf("got %v, %v", s, err)
			}
		})
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := findSession(impatient, g, cookie, at); err == nil {
		t.Error("got an answer for a cancelled request, want its context's error")
	}
	close(store.gate)
	all.Wait()
	if n := store.loads.Load(); n != 1 {
		t.Errorf("got %d reads of the store, want 1", n)
	}
}

func TestCache_UnknownCookieIsLookedUpOnce(t *testing.T) {
	t.Parallel()
	g, store, _, cookie := counted(t, session.Record{User: User{Username: "jane"}})
	at, stranger := somewhere("app.example.com"), seal.NewSecret().Cookie()
	begun := time.Now()
	for range 100 {
		if s, err := findSession(t.Context(), g, stranger, at); s != nil || err != nil {
			t.Fatalf("got %v, %v", s, err)
		}
	}
	if n := store.loads.Load(); n > 1+int64(time.Since(begun)/time.Second) {
		t.Errorf("got %d reads of the store for one cookie", n)
	}
	before := store.loads.Load()
	if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
		t.Errorf("another cookie: got session %v, %v", s, err)
	}
	if s, err := findSession(t.Context(), g, "no secret at all", at); s != nil || err != nil || store.loads.Load() != before+1 {
		t.Errorf("invalid cookie: got %v, %v, want no lookup", s, err)
	}
	time.Sleep(time.Second + 50*time.Millisecond)
	_, _ = findSession(t.Context(), g, stranger, at)
	if n := store.loads.Load(); n != before+2 {
		t.Errorf("got %d reads of the store, and %d before, want another lookup", n, before)
	}
}

func TestCache_StoreFailureIsNotAMiss(t *testing.T) {
	t.Parallel()
	g, store, _, cookie := counted(t, session.Record{User: User{Username: "jane"}})
	at := somewhere("app.example.com")
	store.fail.Store(true)
	if _, err := findSession(t.Context(), g, cookie, at); err == nil {
		t.Fatal("got no error, want one")
	}
	store.fail.Store(false)
	if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
		t.Errorf("after the store's recovery: got %v, %v", s, err)
	}
}

func TestCache_SharedTombstonesEndCachedSessions(t *testing.T) {
	t.Parallel()
	g, store, _, cookie := counted(t, session.Record{User: User{Username: "jane"}, Ends: []string{"end-jane-1"}})
	other, otherCookie := held(t, func(cfg *Config) { cfg.Store = g.cfg.Store }, session.Record{User: User{Username: "joe"}, Ends: []string{"end-joe-1"}})
	at := somewhere("app.example.com")
	for range 2 {
		if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
			t.Fatalf("before the end: got %v, %v", s, err)
		}
		if s, err := findSession(t.Context(), other, otherCookie, at); s == nil || err != nil {
			t.Fatalf("before the end: got %v, %v", s, err)
		}
	}
	if err := store.Revoke(t.Context(), "end-jane-1", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		if s, err := findSession(t.Context(), g, cookie, at); s == nil && err == nil {
			break
		} else if time.Since(begun) > 20*time.Second {
			t.Fatalf("after the end: got %v, %v", s, err)
		}
	}
	g.sessions.Forget() // as after a restart
	if s, err := findSession(t.Context(), g, cookie, at); s != nil || err != nil {
		t.Errorf("after another read: got %v, %v", s, err)
	}
	if s, err := findSession(t.Context(), other, otherCookie, at); s == nil || err != nil {
		t.Errorf("another user: got %v, %v", s, err)
	}
}

// TestCache_LostWatchIsToleratedAndThenRefuses: a missed
// revocation must not keep a session forever, and a store that is being restarted
// must not end every session.
func TestCache_LostWatchIsToleratedAndThenRefuses(t *testing.T) {
	t.Parallel()
	g, store, clock, cookie := counted(t, session.Record{User: User{Username: "jane"}, Until: time.Now().Add(24 * time.Hour)})
	at := somewhere("app.example.com")
	if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
		t.Fatalf("got %v, %v", s, err)
	}
	store.fail.Store(true)
	awaitWatch(t, g, false)
	clock.move(30*time.Second - 5*time.Second)
	if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
		t.Errorf("shortly after the loss of the watch: got %v, %v", s, err)
	}
	clock.move(10 * time.Second)
	var refusal *fault.Error
	if s, err := findSession(t.Context(), g, cookie, at); !errors.As(err, &refusal) || refusal.Code != fault.SessionsUnavailable {
		t.Errorf("long after the loss of the watch: got %v, %v", s, err)
	}
	store.fail.Store(false)
	awaitWatch(t, g, true)
	if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil {
		t.Errorf("after the watch is back: got %v, %v", s, err)
	}
}

// TestAnonymous_VisitorsStoreNothing sends many requests without a session, and
// measures what they have cost.
func TestAnonymous_VisitorsStoreNothing(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("sends a million requests")
	}
	const million = 1_000_000
	store := &countingStore{Store: newStore(t)}
	g, _ := held(t, func(cfg *Config) { cfg.Store = store }, session.Record{})
	next := func(http.ResponseWriter, *http.Request) error {
		t.Error("got an anonymous request admitted, want it refused")
		return nil
	}
	request := anonymous(t)
	store.loads.Store(0) // the beginning of the session read as well
	cached := g.sessions.CacheLen()
	for range 1000 { // whatever is made once is made
		_ = g.Guard(nowhere{}, request(), next)
	}
	before := memory()
	for range million {
		_ = g.Guard(nowhere{}, request(), next)
	}
	if grown := int64(memory()) - int64(before); grown > 2<<20 {
		t.Errorf("got the heap grown by %d bytes", grown)
	}
	if n := store.loads.Load(); n != 0 || g.sessions.CacheLen() != cached {
		t.Errorf("got %d reads of the store and %d cached sessions, want none and %d", n, g.sessions.CacheLen(), cached)
	}
}

// anonymous makes requests of browsers, programs and what claims to be a gate's cookie.
func anonymous(t testing.TB) func() *http.Request {
	t.Helper()
	n := 0
	return func() *http.Request {
		n++
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.example.com/some/page", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		switch n % 3 {
		case 0:
			r.Header.Set("Accept", "text/html")
		case 1:
			r.Header.Set("Cookie", "authentik_gate="+strings.Repeat("x", n%60))
		}
		return r
	}
}

// nowhere takes an answer and forgets it.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
