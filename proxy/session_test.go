package proxy

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestSession_OpensOnlyInItsRealm(t *testing.T) {
	t.Parallel()
	store, key := newStore(t), []byte(strings.Repeat("k", seal.MinKey))
	_, _, here := newAuthentik(t)
	_, _, there := newAuthentik(t)
	type place struct {
		name string
		gate *Gate
		at   Resolved
	}
	gate := func(client *flowclient.Client, flow, domain string) *Gate {
		return newGate(t, Config{Client: client, Flow: flow, Store: store, Key: key, Cookie: CookieConfig{Domain: domain}})
	}
	app, other := somewhere("app.example.com"), somewhere("other.example.com")
	places := []place{
		{"host", gate(here, "", ""), app},
		{"another host", gate(here, "", ""), other},
		{"a flow", gate(here, "login", ""), app},
		{"another flow", gate(here, "strong", ""), app},
		{"a domain", gate(here, "", "example.com"), app},
		{"another authentik", gate(there, "", ""), app},
	}
	for _, won := range places {
		secret, _, err := startSession(t.Context(), won.gate, session.Record{
			User: User{Username: "jane"}, Until: time.Now().Add(time.Hour),
		}, won.at)
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range places {
			for range 2 { // read from the store, then from the cache
				s, err := findSession(t.Context(), used.gate, secret.Cookie(), used.at)
				if err != nil || (s != nil) != (used.name == won.name) {
					t.Errorf("won at %s, used at %s: got %v, %v, want it only where it was won", won.name, used.name, s, err)
				}
			}
		}
	}
}

func TestSession_OpensOnlyAtItsHost(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, nil, session.Record{User: User{Username: "jane"}})
	for host, want := range map[string]bool{
		"app.example.com": true, "APP.example.com": true, "app.example.com:8443": true, "app.example.com.": true,
		"other.example.com": false, "app.example.com.evil.example": false, "xapp.example.com": false, "": false,
	} {
		for range 2 {
			s, err := findSession(t.Context(), g, cookie, somewhere(host))
			if err != nil || (s != nil) != want {
				t.Errorf("at %q: got %v, %v, want a session %v", host, s, err, want)
			}
		}
	}
}

func TestSession_HostsOfADomainShareOne(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, func(c *Config) { c.Cookie.Domain = ".Example.com" }, session.Record{User: User{Username: "jane"}})
	for _, host := range []string{"app.example.com", "wiki.example.com"} {
		if s, err := findSession(t.Context(), g, cookie, somewhere(host)); s == nil || err != nil {
			t.Errorf("at %s: got %v, %v, want the session", host, s, err)
		}
	}
}

func TestSession_OtherApplicationIsCheckedOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		who, password string
		status        int
	}{{"jane", "open sesame", http.StatusOK}, {"joe", "let me in", http.StatusForbidden}} {
		s := newSite(t, nil)
		p := s.person(t)
		p.signIn(tt.who, tt.password, "/")
		cfg := s.gate.cfg
		cfg.Application = "wiki"
		wiki := newGate(t, cfg)
		s.Config.Handler = wiki.Wrap(http.HandlerFunc(s.application))
		before := s.authentik.Requests()
		for range 3 {
			if page := p.open("/"); page.status != tt.status {
				t.Errorf("%s: got status %d", tt.who, page.status)
			}
		}
		if asked := s.authentik.Requests() - before; asked > 3 { // check_access, users/me, and the brand of a page
			t.Errorf("%s: got %d requests to authentik, want at most 3", tt.who, asked)
		}
	}
}

func TestSession_EndedAtAuthentikIsNotAdmittedElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.authentik.EndSessions("jane")
	cfg := s.gate.cfg
	cfg.Application = "open" // check_access says yes to any client here
	gate := newGate(t, cfg)
	s.Config.Handler = gate.Wrap(http.HandlerFunc(s.application))
	before := s.reached()
	if page := p.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") || s.reached() != before {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
}

func TestSession_TwoFlowsOnOneHostHaveTheirOwnCookies(t *testing.T) {
	t.Parallel()
	a := exchange.NewCookies(exchange.CookieOptions{WonBy: "login", Name: "authentik_gate"})
	b := exchange.NewCookies(exchange.CookieOptions{WonBy: "strong", Name: "authentik_gate"})
	if a.Names("https").Session == b.Names("https").Session {
		t.Fatalf("got two cookies of the name %s, want two names", a.Names("https").Session)
	}
	d := exchange.NewCookies(exchange.CookieOptions{Name: "authentik_gate", Domain: "example.com"})
	if d.Names("https").Session != "__Secure-authentik_gate" || d.Names("http").Session != "authentik_gate" {
		t.Errorf("got the name %+v with a domain, want the prefix __Secure-", d.Names("https").Session)
	}
}

func TestSession_EndedOneNeverComesBack(t *testing.T) {
	t.Parallel()
	g, _ := held(t, nil, session.Record{})
	at := somewhere("app.example.com")
	for range 500 {
		secret, session, err := startSession(t.Context(), g, session.Record{
			User: User{Username: "jane"}, Until: time.Now().Add(time.Hour),
		}, at)
		if err != nil {
			t.Fatal(err)
		}
		var race sync.WaitGroup
		race.Go(func() { _, _, _ = g.sessions.Note(t.Context(), secret.Cookie(), at.Host, "wiki", true) })
		race.Go(func() { _, _ = findSession(t.Context(), g, secret.Cookie(), at) })
		race.Go(func() {
			if err := g.sessions.End(t.Context(), session); err != nil {
				t.Error(err)
			}
		})
		race.Wait()
		if s, err := findSession(t.Context(), g, secret.Cookie(), at); s != nil || err != nil {
			t.Fatalf("got %v, %v, want the session ended", s, err)
		}
	}
}

func TestSession_EndReachesOtherGates(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, nil, session.Record{User: User{Username: "jane"}})
	other := newGate(t, g.cfg)
	at := somewhere("app.example.com")
	s, err := findSession(t.Context(), other, cookie, at)
	if s == nil || err != nil {
		t.Fatalf("got %v, %v", s, err)
	}
	if err := g.sessions.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Second)
	for {
		s, err := findSession(t.Context(), other, cookie, at)
		if s == nil && err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("got the ended session admitted by the other gate")
		}
		time.Sleep(time.Millisecond)
	}
}
