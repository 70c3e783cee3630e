package proxy

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestASignInByOpenIDConnect(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	p := s.person(t)
	if page := p.signIn("jane", "open sesame", "/report?month=5"); page.body != "hello jane" || page.path != "/report?month=5" {
		t.Fatalf("status %d at %s: %s", page.status, page.path, page.body)
	}
}

func TestASignInWithConsent(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.provider.AuthorizationFlow = "default-provider-authorization-explicit-consent"
	})
	p := s.person(t)
	page := p.signIn("jane", "open sesame", "/report")
	page.says(t, "ak-stage-consent")
	if page = p.send(page); page.body != "hello jane" || page.path != "/report" {
		t.Fatalf("status %d at %s: %s", page.status, page.path, page.body)
	}
}

func TestAUserWhomTheApplicationIsNotFor(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) { reg.policies = []authentiktest.Policy{{Group: "staff"}} })
	if page := s.person(t).signIn("jane", "open sesame", "/"); page.body != "hello jane" {
		t.Fatalf("status %d at %s: %s", page.status, page.path, page.body)
	}
	page := s.person(t).signIn("joe", "let me in", "/")
	if page.status != 403 {
		t.Fatalf("status %d at %s: %s", page.status, page.path, page.body)
	}
	page.says(t, "joe")
	page.says(t, string(CodeNotAllowed))
	if s.reached() != 1 {
		t.Error("it reaches the application")
	}
}
