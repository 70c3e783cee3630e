package proxy

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// ways are both ways to know a visitor, for what holds of either.
func ways(t *testing.T, try func(t *testing.T, s *site)) {
	t.Helper()
	t.Run("session", func(t *testing.T) {
		t.Parallel()
		try(t, newSite(t, func(cfg *Config) { cfg.Application = "wiki" }))
	})
	t.Run("oidc", func(t *testing.T) {
		t.Parallel()
		try(t, newOIDCSite(t, func(reg *registration) { reg.policies = []authentiktest.Policy{{Group: "staff"}} }))
	})
}

// record is what is kept of a person's session.
func (s *site) record(t *testing.T, p *person) *session.Record {
	t.Helper()
	browser, _ := seal.ParseSecret(p.cookie(cookieNames(s.gate).Session))
	rec, _, err := s.gate.sessions.Read(t.Context(), browser, s.place().Host)
	if err != nil || rec == nil {
		t.Fatal(rec, err)
	}
	return rec
}

// settles loads a page until it is as it should be: what is asked in the background takes a moment.
func (p *person) settles(path string, fine func(screen) bool) {
	p.t.Helper()
	var page screen
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		if page = p.open(path); fine(page) {
			return
		}
	}
	p.t.Fatalf("got status %d at %s after 10 s: %s", page.status, page.path, page.body)
}

func TestRecheck_PassesOnWhatHasChanged(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.Email, u.Groups = "j.doe@example.com", []string{"press", "staff"} })
		p.open("/")
		if got := s.last(t).Header.Get("Remote-Email"); got != "jane@example.com" {
			t.Fatalf("got Remote-Email %s before the recheck, want jane@example.com", got)
		}
		s.clock.move(6 * time.Minute)
		p.settles("/", func(screen) bool { return s.last(t).Header.Get("Remote-Email") == "j.doe@example.com" })
		if got := s.last(t).Header.Get("Remote-Groups"); got != "press,staff" {
			t.Errorf("got the groups %q, want press,staff", got)
		}
	})
}

func TestRecheck_EndsWhatHasEndedAtAuthentik(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*site){
		"deleted":                    func(s *site) { s.authentik.DeleteUser("jane") },
		"deactivated":                func(s *site) { s.authentik.SetActive("jane", false) },
		"ended by the administrator": func(s *site) { s.authentik.EndSessions("jane") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ways(t, func(t *testing.T, s *site) {
				p := s.person(t)
				p.signIn("jane", "open sesame", "/")
				end(s)
				if page := p.open("/"); page.body != "hello jane" {
					t.Fatalf("got %s before the recheck, want the session to go on", page.path)
				}
				s.clock.move(6 * time.Minute)
				p.settles("/", func(on screen) bool { return strings.HasPrefix(on.path, "/.authentik/login") })
			})
		})
	}
}

func TestRecheck_RefusesUsersWithoutAccess(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.Groups = nil })
		s.clock.move(6 * time.Minute)
		p.settles("/", func(on screen) bool { return on.status == http.StatusForbidden })
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.Groups = []string{"staff"} })
		s.clock.move(6 * time.Minute)
		p.settles("/", func(on screen) bool { return on.body == "hello jane" })
	})
}

func TestRecheck_UnreachableAuthentikIsToleratedForGrace(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		s.front.away.Store(true)
		for range 3 {
			s.clock.move(5 * time.Minute)
			if page := p.open("/"); page.body != "hello jane" {
				t.Fatalf("got status %d at %s", page.status, page.path)
			}
		}
		s.clock.move(6 * time.Minute)
		page := p.open("/")
		if page.status != http.StatusServiceUnavailable {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		page.says(t, string(fault.AuthentikUnreachable))
		s.front.away.Store(false)
		s.gate.sessions.RetryRechecks() // no test waits for real seconds
		if page := p.open("/"); page.body != "hello jane" {
			t.Errorf("got status %d at %s, want the session back", page.status, page.path)
		}
	})
}

// TestRecheck_OneRefreshForManyRequestsAndGates sends 200 requests at once through three gates over one store.
func TestRecheck_OneRefreshForManyRequestsAndGates(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	gates := []*Gate{s.gate, newGate(t, s.gate.cfg), newGate(t, s.gate.cfg)}
	s.clock.move(21 * time.Minute) // no request passes before authentik has answered
	before := s.front.renewals.Load()
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if !lets(gates[i%3], s.request(p)) {
				t.Error("got a request refused, want it passed")
			}
		})
	}
	all.Wait()
	if n := s.front.renewals.Load() - before; n != 1 {
		t.Errorf("got %d redemptions of the refresh token, want 1", n)
	}
}

// TestRecheck_LostRefreshTokenIsRecovered is killed between the redemption and the save.
func TestRecheck_LostRefreshTokenIsRecovered(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	rec := s.record(t, p)
	if _, err := s.gate.member.SignIn.OIDC.Renew(t.Context(), rec.Visitor(), rec); err != nil {
		t.Fatal(err)
	}
	s.clock.move(21 * time.Minute)
	if page := p.open("/"); page.body != "hello jane" {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	if after := s.record(t, p); after.Tokens.Refresh == rec.Tokens.Refresh || after.Tokens.Refresh == "" {
		t.Error("got the old refresh token or none, want a new one")
	}
}

func TestIdle_UnusedSessionEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.Idle, cfg.Recheck = 30*time.Minute, 24*time.Hour })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	for range 5 {
		s.clock.move(20 * time.Minute)
		if page := p.open("/"); page.body != "hello jane" {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		used := s.clock.now().Add(-time.Minute)
		for begun := time.Now(); s.record(t, p).Used.Before(used); time.Sleep(time.Millisecond) {
			if time.Since(begun) > 10*time.Second {
				t.Fatal("got no note of the use within 10 s, want one")
			}
		}
	}
	other := newGate(t, s.gate.cfg)
	if !lets(other, s.request(p)) {
		t.Error("got the request refused by another gate, want it to know of the use")
	}
	s.clock.move(32 * time.Minute)
	if lets(other, s.request(p)) {
		t.Error("got the request passed by another gate, want the idle session ended")
	}
	if page := p.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") {
		t.Errorf("got status %d at %s", page.status, page.path)
	}
}

// An impersonated authentik tells of another user from some moment on.
type impersonated struct {
	Authentik
	other atomic.Bool
}

func (i *impersonated) User(ctx context.Context, v flowclient.Visitor) (flowclient.User, error) {
	u, err := i.Authentik.User(ctx, v)
	if i.other.Load() {
		u.Username, u.UID = "root", "another user's"
	}
	return u, err
}

// TestRecheck_SessionKeepsItsUser has the cookies that a session rests on belong to another user.
func TestRecheck_SessionKeepsItsUser(t *testing.T) {
	t.Parallel()
	var client *impersonated
	s := newSite(t, func(cfg *Config) {
		client = &impersonated{Authentik: cfg.Client}
		cfg.Client = client
	})
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	client.other.Store(true)
	s.clock.move(6 * time.Minute)
	p.settles("/", func(on screen) bool { return strings.HasPrefix(on.path, "/.authentik/login") })
	for _, r := range s.seen {
		if r.Header.Get("Remote-User") != "jane" {
			t.Errorf("got Remote-User %s, want jane", r.Header.Get("Remote-User"))
		}
	}
}
