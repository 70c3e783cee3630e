package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// BenchmarkPage is what the first page of a sign-in costs: from a copy, as it is
// for nearly all visitors, and the head of it only.
func BenchmarkPage(b *testing.B) {
	still := time.Now() // the copy stays, however long the benchmark takes
	s := newSite(b, func(c *Config) { c.Now = func() time.Time { return still } })
	s.warm(b)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		b.Run(method, func(b *testing.B) {
			asked := s.authentik.Requests()
			r := httptest.NewRequestWithContext(b.Context(), method, s.URL+"/.authentik/login?to=/some/page?a=b", nil)
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Accept-Language", "en-US,en;q=0.9")
			var size int
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				_ = s.gate.Guard(w, r, nil)
				if w.Code != http.StatusOK || method == http.MethodGet && !strings.Contains(w.Body.String(), "uid_field") {
					b.Fatalf("got status %d: %s", w.Code, w.Body)
				}
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
			if n := s.authentik.Requests() - asked; n > 4 {
				b.Errorf("got %d requests to authentik, want copies", n)
			}
		})
	}
}
