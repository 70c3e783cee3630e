package replicas

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
	redisstore "github.com/flowsidecar/caddy-authentik/proxy/store/redis"
)

// every is how often authentik is asked about a session here: no gate does so
// more often.
const every = 10 * time.Second

// A tokenDesk is in front of authentik, and counts what is asked of it about
// sessions.
type tokenDesk struct {
	mu      sync.Mutex
	redeems int           // how many refresh tokens were redeemed
	refused int           // how many of these were refused
	silent  int           // how many sign-ins asked the visitor nothing
	held    chan struct{} // is closed when an answer is held back; nil holds none
	release chan struct{}
}

func (d *tokenDesk) before(authentik http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/application/o/authorize/":
			if r.URL.Query().Get("prompt") == "none" {
				d.mu.Lock()
				d.silent++
				d.mu.Unlock()
			}
		case "/application/o/token/":
			d.token(w, r, authentik)
			return
		}
		authentik.ServeHTTP(w, r)
	})
}

func (d *tokenDesk) token(w http.ResponseWriter, r *http.Request, authentik http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	if form.Get("grant_type") != "refresh_token" {
		authentik.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	authentik.ServeHTTP(answer, r)
	d.mu.Lock()
	d.redeems++
	if answer.Code != http.StatusOK {
		d.refused++
	}
	held, release := d.held, d.release
	d.held = nil // only one answer is held back
	d.mu.Unlock()
	if held != nil {
		close(held)
		<-release
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// hold holds back the next answer to the redemption of a refresh token. held is
// closed when authentik has given it.
func (d *tokenDesk) hold() (held <-chan struct{}, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	holds, releases := make(chan struct{}), make(chan struct{})
	d.held, d.release = holds, releases
	return holds, sync.OnceFunc(func() { close(releases) })
}

func (d *tokenDesk) counts() (redeems, refused, silent int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.redeems, d.refused, d.silent
}

// A mortalStore is a store whose process may die: from then on nothing that the
// process does reaches the store. Leases are shorter than they are said to be,
// so that that of a dead process ends soon.
type mortalStore struct {
	proxy.Store
	dead atomic.Bool
}

var errDead = errors.New("this process is dead")

func (s *mortalStore) Load(ctx context.Context, name string) (proxy.Record, bool, error) {
	if s.dead.Load() {
		return proxy.Record{}, false, errDead
	}
	return s.Store.Load(ctx, name)
}

func (s *mortalStore) Save(ctx context.Context, name string, r proxy.Record) (proxy.Version, error) {
	if s.dead.Load() {
		return "", errDead
	}
	return s.Store.Save(ctx, name, r)
}

func (s *mortalStore) Lease(ctx context.Context, name string, d time.Duration) (func(), bool, error) {
	if s.dead.Load() {
		return func() {}, false, errDead
	}
	release, held, err := s.Store.Lease(ctx, name, d/20)
	return func() {
		if !s.dead.Load() {
			release()
		}
	}, held, err
}

// Gates are two gates in this process that share Redis, the key and a clock,
// and ask authentik about sessions as often as any gate does.
type gates struct {
	desk    *tokenDesk
	clock   *testsite.Clock
	each    [2]string // their addresses
	store   [2]*mortalStore
	cookies testsite.Cookies // of Jane, who has signed in
}

func startGates(t testing.TB, grace time.Duration) *gates {
	t.Helper()
	g := &gates{desk: new(tokenDesk), clock: new(testsite.Clock)}
	redis := redistest.Start(t)
	cfg := authentiktest.Config{Applications: []authentiktest.Application{testsite.Client("app")}}
	standIn, authentik := testsite.StartAuthentik(t, cfg, g.desk.before)
	for i := range g.each {
		g.store[i] = &mortalStore{Store: openRedis(t, redis.Address)}
		g.each[i] = startGate(t, authentik, proxy.Config{
			Application: "app", OIDC: proxy.OIDCConfig{ClientID: "gate of app", ClientSecret: testsite.ClientSecret},
			Store: g.store[i], Key: bytes.Repeat([]byte("k"), 32), Now: g.clock.Now,
			Recheck: every, Grace: &grace, Logger: slog.New(slog.DiscardHandler),
		})
	}
	site := &testsite.Site{StandIn: standIn}
	site.Register("app", g.each[0])
	p := testsite.NewPerson(t, g.each[0])
	p.SignIn()
	g.cookies = p.Cookies()
	return g
}

func openRedis(t testing.TB, address string) proxy.Store {
	t.Helper()
	store, err := redisstore.New(redisstore.Config{
		Addresses: []string{address}, ReadTimeout: testsite.Timeout, WriteTimeout: testsite.Timeout, DialTimeout: testsite.Timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func startGate(t testing.TB, authentik string, cfg proxy.Config) (address string) {
	t.Helper()
	at, err := url.Parse(authentik)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Client, err = flowclient.New(flowclient.Config{URL: at, Timeout: testsite.Timeout}); err != nil {
		t.Fatal(err)
	}
	gate, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	server := httptest.NewServer(gate.Wrap(new(testsite.Application)))
	t.Cleanup(server.Close)
	return server.URL
}

// crowd sends many requests of Jane's at a time to each of some gates, and fails
// the test if one is refused.
func (g *gates) crowd(t testing.TB, addresses ...string) {
	t.Helper()
	var all sync.WaitGroup
	var refused atomic.Int32
	for _, address := range addresses {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for range 15 {
			all.Go(func() {
				if got := g.status(t, client, address); got != http.StatusOK {
					refused.Store(int32(got)) //nolint:gosec // a status is small
				}
			})
		}
		defer client.CloseIdleConnections()
	}
	all.Wait()
	if got := refused.Load(); got != 0 {
		t.Fatalf("got status %d for a session, want 200", got)
	}
}

// status is what a request of Jane's gets, -1 where there is no answer.
func (g *gates) status(t testing.TB, client *http.Client, address string) int {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/", nil)
	if err != nil {
		return -1
	}
	req.Header.Set("Cookie", g.cookies.Header())
	res, err := client.Do(req)
	if err != nil {
		return -1
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}
