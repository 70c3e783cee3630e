package proxy

import (
	"net/url"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestOIDC_SignsIn(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	p := s.person(t)
	if page := p.signIn("jane", "open sesame", "/report?month=5"); page.body != "hello jane" || page.path != "/report?month=5" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
}

func TestOIDC_AsksForConsent(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.provider.AuthorizationFlow = "default-provider-authorization-explicit-consent"
	})
	p := s.person(t)
	page := p.signIn("jane", "open sesame", "/report")
	page.says(t, "ak-stage-consent")
	if page = p.send(page); page.body != "hello jane" || page.path != "/report" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
}

func TestOIDC_UserWithoutAccessIsRefused(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) { reg.policies = []authentiktest.Policy{{Group: "staff"}} })
	if page := s.person(t).signIn("jane", "open sesame", "/"); page.body != "hello jane" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	page := s.person(t).signIn("joe", "let me in", "/")
	if page.status != 403 {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	page.says(t, "joe")
	page.says(t, string(fault.NotAllowed))
	if s.reached() != 1 {
		t.Error("got a request at the application, want it refused")
	}
}

// TestOIDC_InternalAddressMayDiffer has an issuer that is named by the address of browsers.
func TestOIDC_InternalAddressMayDiffer(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]bool{"told its own host": false, "told the site's host": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) {
				reg.gate = func(cfg *Config) {
					cfg.Client, cfg.PageHost = publicly(t, cfg.Client.Root(), "https://auth.example.com"), page
				}
			})
			p := s.person(t)
			if page := p.signIn("jane", "open sesame", "/"); page.body != "hello jane" {
				t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
			}
			issuer, err := s.gate.member.SignIn.OIDC.Issuer(t.Context())
			if err != nil || issuer != "https://auth.example.com/application/o/app/" {
				t.Errorf("got issuer %v, %v", issuer, err)
			}
			s.clock.move(21 * time.Minute)
			if page := p.open("/"); page.body != "hello jane" {
				t.Errorf("after a recheck: got status %d at %s", page.status, page.path)
			}
		})
	}
}

// publicly is a client that reaches authentik at one address and names it by another.
func publicly(t *testing.T, inner, public string) *flowclient.Client {
	t.Helper()
	in, err := url.Parse(inner)
	if err != nil {
		t.Fatal(err)
	}
	out, err := url.Parse(public)
	if err != nil {
		t.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: in, PublicURL: out})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestOIDC_WrongIssuerIsNamed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var cfg Config
	i.registered(&cfg)
	cfg.Client = publicly(t, i.URL, "https://auth.example.com") // as if url were not what browsers use
	i.p = sourceOf(cfg.withDefaults())
	if _, err := i.redeem(""); err == nil || fault.From(err).Code != fault.IssuerMismatch {
		t.Errorf("got %v", err)
	}
}

// TestOIDC_AccessTokenIsPassedIfConfigured and nowhere else, and is renewed before it expires.
func TestOIDC_AccessTokenIsPassedIfConfigured(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]bool{"kept": true, "not kept": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) {
				reg.provider.AccessValidity = 4 * time.Minute
				reg.provider.Claims = map[string]map[string]any{"profile": {"tenant": "north", "roles": []any{"a", "b,c"}}}
				reg.gate = func(cfg *Config) {
					cfg.OIDC.KeepAccessToken = keep
					cfg.Headers.Own = []HeaderRule{{Name: "X-Token", Claim: "access_token"}, {Name: "X-Tenant", Claim: "tenant"}, {Name: "X-Roles", Claim: "roles"}}
				}
			})
			p := s.person(t)
			p.signIn("jane", "open sesame", "/")
			told := s.last(t).Header
			if told.Get("X-Tenant") != "north" || told.Get("X-Roles") != "a,b%2Cc" {
				t.Errorf("got claims %v", told)
			}
			first := told.Get("X-Token")
			if !keep {
				if first != "" {
					t.Error("got an access token at the application, want none")
				}
				return
			}
			if first != s.record(t, p).Tokens.Access {
				t.Fatalf("got the access token %q at the application", first)
			}
			s.clock.move(3*time.Minute + 30*time.Second) // no recheck is due yet
			p.settles("/", func(screen) bool { return s.last(t).Header.Get("X-Token") != first })
			if again := s.last(t).Header.Get("X-Token"); again != s.record(t, p).Tokens.Access {
				t.Errorf("got the access token %q after the renewal", again)
			}
		})
	}
}

func TestRequire_EveryRequirementMustBeMet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		require []Requirement
		jane    bool
	}{
		{"a group of hers", []Requirement{{Claim: "group", Values: []string{"board", "staff"}}}, true},
		{"another group", []Requirement{{Claim: "group", Values: []string{"board"}}}, false},
		{"another spelling", []Requirement{{Claim: "group", Values: []string{"Staff"}}}, false},
		{"her name", []Requirement{{Claim: "user", Values: []string{"joe", "jane"}}}, true},
		{"another name", []Requirement{{Claim: "user", Values: []string{"joe"}}}, false},
		{"a claim", []Requirement{{Claim: "tenant", Values: []string{"north"}}}, true},
		{"one of a list", []Requirement{{Claim: "roles", Values: []string{"editor"}}}, true},
		{"another value", []Requirement{{Claim: "tenant", Values: []string{"south"}}}, false},
		{"a part of one", []Requirement{{Claim: "tenant", Values: []string{"nor"}}}, false},
		{"a claim that she has not", []Requirement{{Claim: "country", Values: []string{""}}}, false},
		{"a truth value", []Requirement{{Claim: "email_verified", Values: []string{"false"}}}, true},
		{"both", []Requirement{{Claim: "group", Values: []string{"staff"}}, {Claim: "tenant", Values: []string{"north"}}}, true},
		{"one of two", []Requirement{{Claim: "group", Values: []string{"staff"}}, {Claim: "tenant", Values: []string{"south"}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) {
				reg.provider.Claims = map[string]map[string]any{"profile": {"tenant": "north", "roles": []any{"author", "editor"}}}
				reg.gate = func(cfg *Config) { cfg.Require = tt.require }
			})
			page := s.person(t).signIn("jane", "open sesame", "/")
			if passes := page.body == "hello jane"; passes != tt.jane {
				t.Errorf("got status %d at %s", page.status, page.path)
			}
			if !tt.jane {
				page.says(t, string(fault.NotAllowed))
				page.says(t, "jane")
			}
		})
	}
}
