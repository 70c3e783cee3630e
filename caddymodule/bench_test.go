package caddymodule

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// BenchmarkReload is how long Caddy takes for another configuration while that many
// sessions are kept: no user who is signed in waits for them to be read.
func BenchmarkReload(b *testing.B) {
	for store, fill := range map[string]func(*site, int){"memory": fillMemory, "storage": fillStorage} {
		for _, n := range []int{1, 100_000} {
			b.Run(fmt.Sprintf("%s=%d", store, n), func(b *testing.B) {
				s := newSite(b)
				text := "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions " + store + "\n\t}\n\treverse_proxy APP\n}\n"
				s.load(text)
				fill(s, n)
				signedIn := s.browser()
				signedIn.signIn("/", "ada")
				for b.Loop() {
					s.load(text)
				}
				signedIn.expect(signedIn.get("/"), http.StatusOK, `user "ada"`)
			})
		}
	}
}

// BenchmarkReloadSites is how long Caddy takes for a configuration with many sites,
// with a gate before each and without. The first request makes the gates' key: without
// one, gates are only checked.
func BenchmarkReloadSites(b *testing.B) {
	for name, before := range map[string]string{"gates": "\tauthentik AUTHENTIK\n", "plain": ""} {
		b.Run(name, func(b *testing.B) {
			s := newSite(b)
			text := manySites(200, before)
			s.load(text)
			s.browser().get(s.at("site0.example", "/"))
			b.ReportAllocs()
			for b.Loop() {
				if err := caddy.Load(s.adapt("", text), true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// manySites is a Caddyfile with many sites of one server, and a line of each.
func manySites(n int, line string) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "http://site%d.example:PORT {\n\tbind 127.0.0.1\n%s\treverse_proxy APP\n}\n", i, line)
	}
	return text.String()
}

// fillMemory keeps sessions in the store that the gates of this process share.
func fillMemory(s *site, n int) {
	s.Helper()
	filled := false
	shared.Pool.Range(func(_, value any) bool {
		store, ok := value.(proxy.Store) // memory embeds its store
		for i := 0; ok && i < n; i++ {
			r := proxy.Record{Value: make([]byte, 1024), Expiry: time.Now().Add(time.Hour)}
			if _, err := store.Save(s.Context(), fmt.Sprintf("session-%08x", i), r); err != nil {
				s.Fatal(err)
			}
			filled = true
		}
		return true
	})
	if !filled {
		s.Fatal("got no store in memory, want one")
	}
}

// fillStorage puts files where sessions are, in as many directories as there are then.
func fillStorage(s *site, n int) {
	s.Helper()
	for i := range n {
		file := filepath.Join(s.storage, "authentik", "sessions", fmt.Sprintf("%02x", i%256), fmt.Sprintf("session-%08x", i))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, 1024), 0o600); err != nil {
			s.Fatal(err)
		}
	}
}
