package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"
)

// passedOn is about how many bytes a proxy allocates for a request.
const passedOn = 16 << 10

// BenchmarkPauses is how long the slowest requests of signed-in visitors take
// beside that many sessions, where the garbage collector has as much to do as with
// a proxy behind the gate.
func BenchmarkPauses(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 1_000 && testing.Short() {
				b.Skip("takes two gigabytes")
			}
			g, cookie, _ := crowd(b, n)
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
			r.Host = "app.example.com"
			var garbage []byte
			next := func(http.ResponseWriter, *http.Request) error { garbage = make([]byte, passedOn); return nil }
			took := make([]time.Duration, 0, b.N)
			before := pauses()
			b.ResetTimer()
			for range b.N {
				r.Header["Cookie"] = []string{"authentik_gate=" + cookie}
				begun := time.Now()
				_ = g.Guard(httptest.NewRecorder(), r, next)
				took = append(took, time.Since(begun))
			}
			b.StopTimer()
			if len(garbage) == 0 {
				b.Fatal("got the request refused")
			}
			after := pauses()
			slices.Sort(took)
			at := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))].Nanoseconds()) }
			b.ReportMetric(at(0.5), "p50-ns")
			b.ReportMetric(at(0.99), "p99-ns")
			b.ReportMetric(at(0.999), "p99.9-ns")
			b.ReportMetric(float64(after.NumGC-before.NumGC), "collections")
			if collections := after.NumGC - before.NumGC; collections > 0 {
				b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/float64(collections), "pause-ns")
			}
			runtime.KeepAlive(g)
		})
	}
}

func pauses() (m runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}
