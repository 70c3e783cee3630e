package proxy

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A lateStore is a store whose ends come late to this process.
type lateStore struct{ Store }

func (lateStore) Watch(ctx context.Context, ended func(string)) error {
	ended("")
	<-ctx.Done()
	return nil
}

// TestWatch_LateAnnouncementIsNotAFailure ends a session that is remembered, as another process does.
func TestWatch_LateAnnouncementIsNotAFailure(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]struct {
		age  time.Duration
		then func(p *person) screen
		says string
	}{
		"signing out":     {0, func(p *person) screen { return p.post("/.authentik/logout", url.Values{}) }, "You are signed out of this site."},
		"signing in anew": {10 * time.Minute, func(p *person) screen { return p.open("/deep") }, "uid_field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) {
				reg.gate = func(cfg *Config) {
					cfg.Store, cfg.MaxAge, cfg.Recheck = lateStore{cfg.Store}, try.age, 24*time.Hour
				}
			})
			p := s.person(t)
			if page := p.signIn("jane", "open sesame", "/"); page.body != "hello jane" {
				t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
			}
			browser, _ := seal.ParseSecret(p.cookie(cookieNames(s.gate).Session))
			b := s.gate.member.Shared.Key.Box(seal.KindSession, s.gate.sessions.Realm(s.place().Host), browser)
			if err := s.gate.cfg.Store.Revoke(t.Context(), b.Name(), time.Now().Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			s.clock.move(11 * time.Minute)
			page := try.then(p)
			if page.status != http.StatusOK || !strings.Contains(page.body, try.says) {
				t.Errorf("got status %d at %s: %s", page.status, page.path, page.body)
			}
		})
	}
}
