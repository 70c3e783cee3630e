package caddymodule

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

func TestRedis_SessionsOutliveCaddy(t *testing.T) {
	server := redistest.Start(t, "requirepass hunter2")
	s := newSite(t)
	site := "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions redis {\n\t\t\taddress " + server.Address + "\n\t\t\tpassword hunter2\n\t\t}\n\t}\n\treverse_proxy APP\n}\n"
	s.load(site)
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	if s.storageUsers() != 0 {
		t.Error("got sessions in Caddy's storage, want them only in Redis")
	}
	s.load(strings.Replace(site, "SITE {", "SITE {\n\theader X-Configuration second", 1))
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	shared.Pool.Range(func(key, _ any) bool {
		t.Errorf("got %T in the pool after Caddy has stopped, want it empty", key)
		return true
	})
	s.load(site)
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	server.Kill()
	eventually(t, "sessions cannot be read", func() bool { return b.get("/").StatusCode == http.StatusServiceUnavailable })
	b.expect(b.get("/"), http.StatusServiceUnavailable, "sessions-unavailable")
	server.Restart()
	eventually(t, "sessions can be read again", func() bool { return b.get("/").StatusCode == http.StatusOK })
}

func TestRedis_CaddyStartsWithoutItAndServesWhenItComes(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions redis {\n\t\t\taddress " + server.Address + "\n\t\t}\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.expect(b.follow(b.get("/")), http.StatusServiceUnavailable, "sessions-unavailable") // before the name is asked for
	if s.app.seen() != nil {
		t.Error("got a request at the application, want none")
	}
	server.Restart()
	eventually(t, "Redis is reached", func() bool {
		b := s.browser()
		page := b.follow(b.get("/"))
		return page.StatusCode == http.StatusOK && b.fill(page, "uid_field", "ada").StatusCode == http.StatusOK
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("got nothing within 20 s, want %s", what)
		}
	}
}
