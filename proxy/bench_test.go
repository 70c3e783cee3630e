package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// crowd makes a gate that remembers n sessions, and the cookie of one of them.
func crowd(b *testing.B, n int, change func(*Config)) (g *Gate, cookie string, perSession uint64) {
	b.Helper()
	g, _ = held(b, change, session.Record{})
	at := somewhere("app.example.com")
	before := memory()
	for i := range n {
		s := seal.NewSecret()
		groups := make([]string, 20) // each session has its own, as from the store
		for j := range groups {
			groups[j] = fmt.Sprintf("department-%02d", j)
		}
		rec := session.Record{Begun: time.Now(), Until: time.Now().Add(time.Hour), User: User{
			Username: fmt.Sprintf("user%07d", i), Name: "Jane Doe", Email: fmt.Sprintf("user%07d@example.com", i),
			UID: s.Cookie(), Groups: groups,
		}}
		g.sessions.Hold(s, rec, at.Host)
		cookie = s.Cookie()
	}
	if kept := g.sessions.CacheLen(); kept != n {
		b.Fatalf("got %d of %d sessions cached, want all", kept, n)
	}
	return g, cookie, (memory() - before) / uint64(n)
}

func memory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkGuard is the gate's share of a request of a visitor who is signed in.
func BenchmarkGuard(b *testing.B) {
	for _, tt := range []struct {
		n     int
		cache Cache
	}{{1_000, CacheOff}, {1_000, CachePrivate}, {100_000, CachePrivate}, {1_000_000, CachePrivate}} {
		b.Run(fmt.Sprintf("sessions=%d/cache=%s", tt.n, tt.cache), func(b *testing.B) {
			g, cookie, perSession := crowd(b, tt.n, func(c *Config) { c.Cache = tt.cache })
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
			b.ReportMetric(float64(perSession), "B/session")
		})
	}
}

// BenchmarkDecide measures only the decision.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			g, cookie, _ := crowd(b, n, nil)
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
			r.Header.Set("Cookie", "theme=dark; authentik_gate="+cookie)
			at := somewhere("app.example.com")
			at.Scheme, at.Asked = "http", r.URL
			b.ReportAllocs()
			for b.Loop() {
				x := exchange.Exchange{R: r, At: at, Shared: g.shared, Sent: r.Header["Cookie"]}
				if _, ok := g.decide(&x).(pass); !ok {
					b.Fatal("got the request refused")
				}
			}
		})
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

// BenchmarkAnonymous is what a request costs of a visitor whom nobody knows.
func BenchmarkAnonymous(b *testing.B) {
	g, _ := held(b, nil, session.Record{})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
	r.Header.Set("Accept", "text/html")
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Guard(httptest.NewRecorder(), r, nil)
	}
}
