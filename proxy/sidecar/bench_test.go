package sidecar

import (
	"maps"
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A discard is a writer that keeps nothing but its headers.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkVerdict is the sidecar's share of a request of a visitor who is signed
// in, with the headers of a browser.
func BenchmarkVerdict(b *testing.B) {
	for _, dialect := range everyDialect {
		b.Run(string(dialect), func(b *testing.B) {
			n := newNetwork(b, dialect, nil)
			p := n.person(b, "https://wiki.example.com")
			p.SignIn()
			load := load("https://wiki.example.com/some/page")
			load.Header.Set("Cookie", "theme=dark; "+p.Cookies().Header())
			for _, name := range []string{"Accept-Language", "Accept-Encoding", "User-Agent", "Referer", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site"} {
				load.Header.Set(name, "a value of some length")
			}
			asked := described(load, dialect)
			if got := n.answer(asked.Clone(b.Context())).Header().Get("Remote-User"); got != testsite.Jane {
				b.Fatalf("got user %q, want %q", got, testsite.Jane)
			}
			one, header, w := new(http.Request), make(http.Header, 32), discard{make(http.Header, 16)}
			b.ReportAllocs()
			for b.Loop() {
				*one = *asked
				clear(header)
				maps.Copy(header, asked.Header)
				header["Cookie"] = []string{asked.Header.Get("Cookie")} // 1 allocation of the benchmark's own
				one.Header = header
				clear(w.header)
				n.ServeHTTP(w, one)
			}
		})
	}
}
