package e2e

import (
	"bytes"
	"errors"
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
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// Secrets of the replicas.
const (
	sharedKey     = "0123456789abcdef0123456789abcdef"
	redisPassword = "only-for-the-replicas"
)

// Replicas are two Caddys behind one address, where each request goes to the other one
// than the request before.
type replicas struct {
	*site           // at the common address
	each  [2]*caddy // by themselves
	redis *redistest.Server

	mu    sync.Mutex
	turn  int
	asked [2]int
}

// onRedis starts two Caddys that have nothing in common but Redis and the key.
func onRedis(t testing.TB) *replicas { return setup{scheme: "http"}.onRedis(t) }

func (u setup) onRedis(t testing.TB) *replicas {
	t.Helper()
	redis := redistest.Start(t, "requirepass "+redisPassword)
	dir := t.TempDir()
	secret := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + file + "}"
	}
	u.gate = append(slices.Clone(u.gate), "key "+secret("key", sharedKey),
		"sessions redis {\n\t\t\taddress "+redis.Address+"\n\t\t\tpassword "+secret("password", redisPassword)+"\n\t\t}")
	r := u.replicas(t)
	r.redis = redis
	return r
}

// onStorage starts two Caddys that have nothing in common but Caddy's storage.
func onStorage(t testing.TB) *replicas { return setup{scheme: "http"}.onStorage(t) }

func (u setup) onStorage(t testing.TB) *replicas {
	t.Helper()
	r := u.replicas(t)
	one, other := r.each[0], r.each[1]
	other.kill()
	other.config = strings.Replace(other.config, filepath.Join(other.dir, "storage"), filepath.Join(one.dir, "storage"), 1)
	other.start()
	return r
}

func (u setup) replicas(t testing.TB) *replicas {
	t.Helper()
	program(t) // skips, before anything is started
	s, authentik, behind := u.surroundings(t)
	r := &replicas{site: s}
	front := httptest.NewServer(r)
	t.Cleanup(front.Close)
	for i := range r.each {
		r.each[i] = newCaddy(t, u, authentik, behind)
	}
	r.caddy = &caddy{TB: t, address: front.URL}
	r.meet("app", r.address)
	t.Cleanup(func() {
		for _, c := range r.each {
			r.log = c.log
			r.check()
			if strings.Contains(c.log.String(), redisPassword) || strings.Contains(c.log.String(), sharedKey) {
				t.Error("a secret of the configuration stands in Caddy's log")
			}
		}
	})
	return r
}

// ServeHTTP gives a request to the one whose turn it is, or to the other if that is gone.
func (r *replicas) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for range r.each {
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
	http.Error(w, "both are gone", http.StatusBadGateway)
}

func (r *replicas) forward(req *http.Request, body []byte) (*http.Response, error) {
	r.mu.Lock()
	to := r.turn % len(r.each)
	r.turn++
	r.mu.Unlock()
	out, err := http.NewRequestWithContext(req.Context(), req.Method, r.each[to].address+req.RequestURI, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header, out.Host = req.Header.Clone(), req.Host
	res, err := insecure().RoundTrip(out)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.asked[to]++
	r.mu.Unlock()
	return res, nil
}

// last is who has answered last.
func (r *replicas) last() *caddy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.each[(r.turn+1)%len(r.each)]
}

// statusWith is what copied cookies get at one of the two.
func (c *caddy) statusWith(cookies map[string]string) int {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.address+"/", nil)
	if err != nil {
		c.Fatal(err)
	}
	for name, value := range cookies {
		req.Header.Add("Cookie", name+"="+value)
	}
	res, err := insecure().RoundTrip(req)
	if err != nil {
		c.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		c.Fatal(errors.New("an answer without an end"))
	}
	return res.StatusCode
}

func both(t *testing.T, test func(*testing.T, *replicas)) {
	t.Helper()
	for name, start := range map[string]func(testing.TB) *replicas{"on Redis": onRedis, "on a shared storage": onStorage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

func TestTwoCaddysAreOneSite(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *replicas) {
		p := r.signedIn(t)
		for range 6 {
			p.greeted(p.open("/still"), "/still")
		}
		if r.asked[0] < 4 || r.asked[1] < 4 {
			t.Errorf("the requests went to %d and %d times to each", r.asked[0], r.asked[1])
		}
	})
}

func TestWhoSignsOutAtOneCaddyIsOutAtTheOtherWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *replicas) {
		for range 3 {
			p := r.signedIn(t)
			cookies := p.cookies()
			for _, c := range r.each { // both remember it from now on
				if status := c.statusWith(cookies); status != http.StatusOK {
					t.Fatalf("signed in, and gets %d", status)
				}
			}
			p.signOut()
			begun := time.Now()
			for _, c := range r.each {
				for c.statusWith(cookies) != http.StatusUnauthorized {
					if time.Since(begun) > 2*time.Second {
						t.Fatal("signed out, and still in at one of the two")
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
			t.Logf("out at both after %v", time.Since(begun).Round(time.Millisecond))
		}
	})
}

func TestALoginGoesOnAtTheOtherCaddyWhenOneIsKilled(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *replicas) {
		p := r.person(t)
		page := p.enter(p.open("/deep?x=1"), "uid_field", jane)
		killed := r.last()
		killed.kill()
		p.greeted(p.enter(page, "password", password), "/deep?x=1")
		killed.start()
		p.greeted(p.open("/still"), "/still")
		p.greeted(p.open("/still"), "/still")
		if status := killed.statusWith(p.cookies()); status != http.StatusOK {
			t.Errorf("signed in while it was dead, and gets %d", status)
		}
	})
}

// A Redis that is killed refuses everybody, lets nobody in who was out, and loses nobody.
func TestSessionsSurviveTheDeathOfRedis(t *testing.T) {
	t.Parallel()
	r := onRedis(t)
	stays, goes := r.signedIn(t), r.signedIn(t)
	stayed, gone := stays.cookies(), goes.cookies()
	goes.signOut()
	for range 2 {
		r.redis.Kill()
		for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			if r.each[0].statusWith(stayed)+r.each[1].statusWith(stayed) == 2*http.StatusServiceUnavailable {
				break
			}
			if time.Since(begun) > 2*time.Second {
				t.Fatal("sessions are believed that nobody could hear the end of")
			}
		}
		for _, c := range r.each {
			if status := c.statusWith(gone); status == http.StatusOK {
				t.Error("who was out is in")
			}
		}
		r.redis.Restart()
		for _, c := range r.each {
			for begun := time.Now(); c.statusWith(stayed) != http.StatusOK; time.Sleep(50 * time.Millisecond) {
				if time.Since(begun) > patience {
					t.Fatal("nobody is let in any more")
				}
			}
			if status := c.statusWith(gone); status != http.StatusUnauthorized {
				t.Errorf("who was out gets %d", status)
			}
		}
	}
}
