package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// crowd makes a gate that remembers n sessions, and the cookie of one of them.
func crowd(b *testing.B, n int) (g *Gate, cookie string, perSession uint64) {
	b.Helper()
	g, _ = held(b, nil, session.Record{})
	awaitWatch(b, g, true) // which drops everything that is cached
	g.sessions.Forget()
	at := somewhere("app.example.com")
	before := memory()
	var workers sync.WaitGroup
	for worker := range 2 {
		workers.Go(func() {
			for i := worker; i < n; i += 2 {
				s := seal.NewSecret()
				g.sessions.Hold(s, oneOfMany(i, s.Cookie()), at.Host)
				if i == 0 {
					cookie = s.Cookie()
				}
			}
		})
	}
	workers.Wait()
	if kept := g.sessions.CacheLen(); kept != n {
		b.Fatalf("got %d of %d sessions cached, want all", kept, n)
	}
	return g, cookie, (memory() - before) / uint64(n)
}

// oneOfMany is a session with twenty groups. All it holds is its own, as from the
// store.
func oneOfMany(i int, uid string) session.Record {
	groups := make([]string, 20)
	for j := range groups {
		groups[j] = "department-" + strconv.Itoa(100+j)
	}
	name := fmt.Sprintf("user%07d", i)
	return session.Record{Begun: time.Now(), Until: time.Now().Add(time.Hour), User: User{
		Username: name, Name: "Jane Doe", Email: name + "@example.com", UID: uid, Groups: groups,
	}}
}

func memory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSessions is what a request of a visitor who is signed in costs beside
// that many other sessions: the gate's share of it, with both kinds of caching, and
// only the decision.
func BenchmarkSessions(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 100_000 && testing.Short() {
				b.Skip("takes two gigabytes")
			}
			g, cookie, perSession := crowd(b, n)
			for _, cache := range []Cache{CacheOff, CachePrivate} {
				b.Run("guard/cache="+string(cache), func(b *testing.B) {
					g.upstream.Private = cache == CachePrivate
					benchGuard(b, g, cookie)
					b.ReportMetric(float64(perSession), "B/session")
				})
			}
			b.Run("decide", func(b *testing.B) { benchDecide(b, g, cookie) })
		})
	}
}

func benchGuard(b *testing.B, g *Gate, cookie string) {
	b.Helper()
	line := "theme=dark; authentik_gate=" + cookie
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
	r.Host = "app.example.com"
	for i := range 12 {
		r.Header.Set(fmt.Sprintf("Sec-Ch-Ua-%d", i), "as browsers send them")
	}
	w := httptest.NewRecorder()
	passed := 0
	next := func(w http.ResponseWriter, _ *http.Request) error {
		passed++
		w.WriteHeader(http.StatusOK)
		clear(w.Header())
		return nil
	}
	lines := make([]string, 1)
	b.ReportAllocs()
	for b.Loop() {
		lines[0] = line
		r.Header["Cookie"] = lines
		_ = g.Guard(w, r, next)
	}
	if passed == 0 || w.Code != http.StatusOK || r.Header.Get("Remote-User") == "" {
		b.Fatal("got the request refused")
	}
}

func benchDecide(b *testing.B, g *Gate, cookie string) {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
	r.Header.Set("Cookie", "theme=dark; authentik_gate="+cookie)
	at := somewhere("app.example.com")
	at.Scheme, at.Asked = "http", r.URL
	b.ReportAllocs()
	for b.Loop() {
		x := exchange.Exchange{R: r, At: at, Shared: g.member.Shared, Sent: r.Header["Cookie"]}
		if _, ok := g.decisions.Decide(&x).(decision.Pass); !ok {
			b.Fatal("got the request refused")
		}
	}
}

// BenchmarkLoad is what a session costs that only the store knows.
func BenchmarkLoad(b *testing.B) {
	g, cookie := held(b, nil, session.Record{User: User{Username: "jane", Groups: strings.Split(strings.Repeat("group ", 20), " ")}})
	at := somewhere("app.example.com")
	b.ReportAllocs()
	for b.Loop() {
		g.sessions.Forget()
		if s, err := findSession(b.Context(), g, cookie, at); s == nil || err != nil {
			b.Fatal(s, err)
		}
	}
}

// BenchmarkAnonymous measures a request of an anonymous visitor.
func BenchmarkAnonymous(b *testing.B) {
	g, _ := held(b, nil, session.Record{})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
	r.Header.Set("Accept", "text/html")
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Guard(httptest.NewRecorder(), r, nil)
	}
}
