package proxy

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// halves are a flow that asks for a name and a password, and leads to another one.
// That one signs in the user of the first. If it runs by itself, it asks for a
// name only.
func halves() []authentiktest.Flow {
	first := loginFlow("first")
	first.Bindings[len(first.Bindings)-1] = authentiktest.Binding{Stage: &authentiktest.RedirectStage{Flow: "second"}}
	unnamed := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) { return r.Pending.PK == 0, nil, nil }}
	return []authentiktest.Flow{first, {Slug: "second", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.DummyStage{}},
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}, Policies: []authentiktest.Policy{unnamed}},
		{Stage: &authentiktest.UserLoginStage{}},
	}}}
}

// TestFlow_ThatBeginsAnewIsNotTheOneThatWasLedTo: a visitor passes the demanded
// flow as one user, and then has authentik begin the flow that it leads to from the
// start, as another user who would have had to pass the demanded flow first.
func TestFlow_ThatBeginsAnewIsNotTheOneThatWasLedTo(t *testing.T) {
	t.Parallel()
	for name, attacks := range map[string]bool{"led": false, "begun anew": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *Config) { c.Flow = "first" }, halves()...)
			p := s.person(t)
			password := p.send(p.open("/kept"), "uid_field", "joe")
			page := p.send(password, "password", "let me in")
			if attacks { // authentik then runs the first flow again
				form := password.fields()
				form.Set("on", "1")
				p.post("/.authentik/login", form)
			}
			for range 4 {
				if strings.Contains(page.body, `name="uid_field"`) {
					page = p.send(page, "uid_field", "jane")
					break
				}
				if page.body == "hello joe" {
					break
				}
				page = p.send(page)
			}
			if got := page.body == "hello joe"; got == attacks || strings.Contains(page.body, "hello jane") {
				t.Errorf("got status %d at %s: %.300s, want joe admitted: %t, and never jane", page.status, page.path, page.body, !attacks)
			}
		})
	}
}

// TestRelay_FlowThatBeginsAnewIsNotTheOneThatWasLedTo is the same on authentik's
// own pages, where the visit is in a cookie, which a visitor can send again.
func TestRelay_FlowThatBeginsAnewIsNotTheOneThatWasLedTo(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"led": "", "the visitor gives up": "/flows/-/cancel/", "the first flow is run": "/api/v3/flows/executor/first/?query=",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *Config) { c.Flow, c.Login = "first", LoginRelay }, halves()...)
			p := &interfaced{person: s.person(t)}
			relayCookie := cookieNames(s.gate).Relay
			p.opens("/kept")
			p.asks(nil)
			p.asks(map[string]any{"uid_field": "joe"})
			p.goes(p.asks(map[string]any{"password": "let me in"}))
			p.is(p.asks(nil), "ak-stage-dummy")
			kept := p.cookie(relayCookie)
			if path != "" {
				p.gets(path)
				p.setCookie(relayCookie, kept)
			}
			next := p.asks(map[string]any{})
			for range 3 {
				switch next["component"] {
				case "ak-stage-dummy":
					next = p.asks(map[string]any{})
				case asksName:
					next = p.asks(map[string]any{"uid_field": "jane"})
				}
			}
			page := p.goes(next)
			if got := page.body == "hello joe"; got != (path == "") || page.body == "hello jane" {
				t.Errorf("got status %d at %s: %.300s, want joe admitted: %t, and never jane", page.status, page.path, page.body, path == "")
			}
		})
	}
}

// TestGroup_AVisitIsFinishedAtItsOwnGate: a page or a relayed visit of a gate that
// demands one flow is brought to its neighbour, which demands another.
func TestGroup_AVisitIsFinishedAtItsOwnGate(t *testing.T) {
	t.Parallel()
	for _, login := range []Login{LoginPage, LoginRelay} {
		for name, paths := range map[string][2]string{"to the stronger": {"/x", "/strong/x"}, "to the weaker": {"/strong/x", "/x"}} {
			t.Run(string(login)+", "+name, func(t *testing.T) {
				t.Parallel()
				way := func(c *Config) { c.Login = login }
				s, gates := newStands(t, nil, true, before("/strong", and(ownSession("strong"), way)), everywhere(and(ownSession("login"), way)))
				from, to := gates[1], gates[0]
				if paths[1] == "/x" {
					from, to = to, from
				}
				p := s.person(t)
				p.open(paths[1]) // so that the browser has all cookies of a visit there
				page := p.open(paths[0])
				if login == LoginRelay {
					names, there := cookieNames(from), cookieNames(to)
					p.setCookie(there.Relay, p.cookie(names.Relay))
					p.setCookie(there.Visit, p.cookie(names.Visit))
					p.setCookie(names.Relay, "")
					before := s.front.asked.Load()
					(&interfaced{person: p}).gets("/api/v3/flows/executor/" + from.cfg.Flow + "/?query=")
					if got := s.front.asked.Load() - before; got != 0 {
						t.Errorf("got %d requests to authentik with the cookie of another gate, want none", got)
					}
					return
				}
				form := page.fields()
				id, sealed := exchange.Signed(form.Get("visit"))
				if id != from.member.Shared.Identity.ID {
					t.Fatalf("got a page that names the gate %q, want %q", id, from.member.Shared.Identity.ID)
				}
				form.Set("visit", to.member.Shared.Identity.Sign(sealed))
				form.Set("uid_field", "jane")
				if got := p.post("/.authentik/login", form); !strings.Contains(got.body, string(fault.VisitLost)) {
					t.Errorf("got status %d at %s: %.300s, want %s", got.status, got.path, got.body, fault.VisitLost)
				}
			})
		}
	}
}
