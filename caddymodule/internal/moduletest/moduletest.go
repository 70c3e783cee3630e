// Package moduletest has what the tests of caddymodule and of its internal
// packages share: a user, a request with a replacer, and files.
package moduletest

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// Ada returns the session of a user whose groups and attributes have characters
// that headers and placeholders must escape.
func Ada() proxy.Session {
	return proxy.NewSession(proxy.User{
		Username: "ada", Name: "Ada Lovelace", Email: "ada@example.com", UID: "abc123",
		Groups: []string{"staff", "x,admins", "50%"},
		Attributes: map[string]any{
			"tenant": "north", "a.b": "dotted", "office": map[string]any{"floor": float64(3)}, "teams": []any{"red", "blue"},
		},
	})
}

// WithReplacer returns a request that has a replacer, and the replacer.
func WithReplacer(t testing.TB) (*http.Request, *caddy.Replacer) {
	t.Helper()
	repl := caddy.NewReplacer()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	return r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, repl)), repl
}

// Files writes files, by name, into a new directory and returns its path.
func Files(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Certificate writes a server's certificate into a new PEM file, behind comments
// if there are any, and returns the file's path.
func Certificate(t testing.TB, s *httptest.Server, comments ...string) string {
	t.Helper()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return filepath.Join(Files(t, map[string]string{"ca.pem": strings.Join(comments, "") + string(block)}), "ca.pem")
}
