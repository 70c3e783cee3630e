package testsite

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// Secrets of replicas.
const (
	sharedKey     = "0123456789abcdef0123456789abcdef"
	redisPassword = "only-for-the-replicas"
)

// Replicas are two Caddys behind one address. Each request goes to another one
// than the request before.
type Replicas struct {
	*Site           // at the common address
	Each  [2]*Caddy // at their own addresses
	Redis *redistest.Server

	mu    sync.Mutex
	turn  int
	asked [2]int
}

// OnRedis starts two Caddys that share Redis and the key, and nothing else. In
// the further sites of the setup, SHARED stands for both, and :COMMON for the port
// of the common address.
func (u Setup) OnRedis(t testing.TB) *Replicas {
	t.Helper()
	Program(t) // skips before anything is started
	redis := redistest.Start(t, "requirepass "+redisPassword)
	dir := t.TempDir()
	secret := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + file + "}"
	}
	shared := []string{"key " + secret("key", sharedKey), "sessions redis {\n\t\t\taddress " + redis.Address + "\n\t\t\tpassword " + secret("password", redisPassword) + "\n\t\t}"}
	u.Gate, u.More = append(slices.Clone(u.Gate), shared...), strings.ReplaceAll(u.More, "SHARED", strings.Join(shared, "\n\t\t"))
	r := u.replicas(t, t.TempDir(), t.TempDir())
	r.Redis = redis
	return r
}

// OnStorage starts two Caddys that share Caddy's storage, and nothing else.
func (u Setup) OnStorage(t testing.TB) *Replicas {
	t.Helper()
	storage := t.TempDir()
	return u.replicas(t, storage, storage)
}

// replicas starts two Caddys, each with its storage.
func (u Setup) replicas(t testing.TB, storage ...string) *Replicas {
	t.Helper()
	Program(t) // skips before anything is started
	s, authentik, application := u.surroundings(t)
	r := &Replicas{Site: s}
	balancer := httptest.NewServer(r)
	t.Cleanup(balancer.Close)
	u.More = strings.ReplaceAll(u.More, ":COMMON", ":"+processtest.Port(t, strings.TrimPrefix(balancer.URL, "http://")))
	for i := range r.Each {
		r.Each[i] = newCaddy(t, u, storage[i], authentik, application)
	}
	r.Caddy = &Caddy{TB: t, Address: balancer.URL}
	r.Register("app", r.Address)
	t.Cleanup(func() {
		for _, c := range r.Each {
			r.Journal = c.Journal
			r.check()
			if strings.Contains(c.Journal.String(), redisPassword) || strings.Contains(c.Journal.String(), sharedKey) {
				t.Error("a secret of the configuration is in Caddy's log")
			}
		}
	})
	return r
}

// ServeHTTP gives a request to the replica whose turn it is, or to the other
// one if that is gone.
func (r *Replicas) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for range r.Each {
		res, err := r.forward(req, body)
		if err != nil {
			continue
		}
		maps.Copy(w.Header(), res.Header)
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
		_ = res.Body.Close()
		return
	}
	http.Error(w, "both replicas are gone", http.StatusBadGateway)
}

func (r *Replicas) forward(req *http.Request, body []byte) (*http.Response, error) {
	r.mu.Lock()
	to := r.turn % len(r.Each)
	r.turn++
	r.mu.Unlock()
	address := r.Each[to].Address + req.RequestURI
	out, err := http.NewRequestWithContext(req.Context(), req.Method, address, bytes.NewReader(body)) //nolint:gosec // one of the test's own Caddys
	if err != nil {
		return nil, err
	}
	out.Header, out.Host = req.Header.Clone(), req.Host
	res, err := Insecure().RoundTrip(out)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.asked[to]++
	r.mu.Unlock()
	return res, nil
}

// Answers are how many requests each replica has answered.
func (r *Replicas) Answers() [2]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Last is the replica that has answered last.
func (r *Replicas) Last() *Caddy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Each[(r.turn+1)%len(r.Each)]
}
