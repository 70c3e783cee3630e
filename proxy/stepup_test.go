package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// aged moves the clock by an hour, without a recheck.
func (s *site) aged() { s.clock.move(time.Hour) }

func TestStepUp_OldSignInIsRepeated(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(cfg *Config) { cfg.MaxAge, cfg.Recheck = 30*time.Minute, 24*time.Hour }
	})
	p := s.person(t)
	if page := p.signIn("jane", "open sesame", "/report"); page.body != "hello jane" {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	s.aged()
	if lets(s.gate, s.request(p)) {
		t.Error("got a request admitted that is no page load, want it refused")
	}
	before := p.cookie(cookieNames(s.gate).Session)
	page := p.signIn("jane", "open sesame", "/report")
	if page.body != "hello jane" || page.path != "/report" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	if p.cookie(cookieNames(s.gate).Session) == before {
		t.Error("got the session of before, want a new one")
	}
	s.clock.move(20 * time.Minute)
	if page := p.open("/"); page.body != "hello jane" {
		t.Errorf("got status %d at %s soon after, want the page", page.status, page.path)
	}
}

// TestStepUp_RecheckIsNotASignIn renews the tokens, which says nothing about when the user signed in.
func TestStepUp_RecheckIsNotASignIn(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) { reg.gate = func(cfg *Config) { cfg.MaxAge = 30 * time.Minute } })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.clock.move(25 * time.Minute) // a recheck that requests wait for
	if page := p.open("/"); page.body != "hello jane" {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	s.clock.move(10 * time.Minute)
	if page := p.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") {
		t.Errorf("got status %d at %s", page.status, page.path)
	}
}

// TestStepUp_IgnoredByAuthentikIsRefused has an authentik that sends the old sign-in back.
func TestStepUp_IgnoredByAuthentikIsRefused(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, func(reg *registration) {
		reg.gate = func(cfg *Config) {
			cfg.Login, cfg.Recheck = LoginRedirect, 24*time.Hour
			cfg.MaxAge = 30 * time.Minute
		}
	})
	p, a := s.person(t), &stranger{site: s}
	if page := p.open(a.authorize(t, p.departs("/"), "jane", "open sesame")); page.body != "hello jane" {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	s.aged()
	to := p.departs("/")
	if got := to.Query().Get("max_age"); got != "60" {
		t.Fatalf("got max_age %q, want 60", got)
	}
	query := to.Query()
	query.Del("max_age") // as if authentik did not know it
	to.RawQuery = query.Encode()
	page := p.open(a.authorize(t, to, "jane", "open sesame"))
	if page.status != http.StatusForbidden || s.reached() != 1 {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	page.says(t, string(fault.StepUpRefused))
	page.says(t, "jane")
}

func TestStepUp_DemandsASecondFactor(t *testing.T) {
	t.Parallel()
	strong := loginFlow("login", authentiktest.Binding{Stage: &authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceStatic},
	}})
	s := newOIDCSite(t, func(reg *registration) {
		reg.flows = []authentiktest.Flow{strong}
		reg.gate = func(cfg *Config) { cfg.RequireMFA = true }
		reg.users = func(all []authentiktest.User) {
			all[0].Devices = []authentiktest.Device{{Class: authentiktest.DeviceStatic, Codes: []string{"one-two-three"}}}
		}
	})
	p := s.person(t)
	page := p.signIn("jane", "open sesame", "/")
	if page = p.send(page, "code", "one-two-three"); page.body != "hello jane" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	page = s.person(t).signIn("joe", "let me in", "/") // has no second factor
	if page.status != http.StatusForbidden {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	page.says(t, string(fault.StepUpRefused))
	if s.reached() != 1 {
		t.Error("got Joe at the application, want him refused")
	}
}
