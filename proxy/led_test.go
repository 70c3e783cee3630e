package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// TestFlow_ThatAWeakerSignInLeadsToAdmitsNoUser has the weaker flow lead to the
// demanded one once it has signed a user in. That one asks a user nothing, and
// leads on to a third.
func TestFlow_ThatAWeakerSignInLeadsToAdmitsNoUser(t *testing.T) {
	t.Parallel()
	rest := authentiktest.Flow{Slug: "rest", Bindings: []authentiktest.Binding{{Stage: &authentiktest.DummyStage{Name: "rest"}}}}
	weak := recoveryFlow()[1]
	weak.Bindings = append(weak.Bindings, authentiktest.Binding{Stage: &authentiktest.RedirectStage{Flow: "guarded"}})
	for name, shown := range map[string]authentiktest.Stage{"at once": nil, "after a page": &authentiktest.DummyStage{Name: "shown"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow := guarded()["policies of its stages"]
			last := &flow.Bindings[len(flow.Bindings)-1]
			last.Policies, last.EvaluateOnPlan = []authentiktest.Policy{onlyAnonymous}, true
			if shown != nil {
				flow.Bindings = append(flow.Bindings, authentiktest.Binding{Stage: shown})
			}
			flow.Bindings = append(flow.Bindings, authentiktest.Binding{Stage: &authentiktest.RedirectStage{Flow: "rest"}})
			s := newSite(t, func(c *Config) { c.Flow = "guarded" }, flow, weak, rest)
			p := s.person(t)
			page := p.send(p.send(p.open("/kept"), "flow", "recovery"), "uid_field", "jane")
			for range 2 {
				if !strings.Contains(page.body, `value="ak-stage-dummy"`) {
					break
				}
				page = p.send(page)
			}
			page.says(t, "Done. You can sign in now.")
			if s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" {
				t.Fatal("got a session by a weaker flow, want none")
			}
			page = p.send(p.send(page, "uid_field", "jane"), "password", "open sesame")
			if page = p.send(page); page.body != "hello jane" && !strings.Contains(p.send(page).body, "hello jane") {
				t.Errorf("the demanded flow: got status %d at %s", page.status, page.path)
			}
		})
	}
}

// TestFlow_ThatIsLeftByALinkAdmitsNoUser has the demanded flow lead to a page from
// which the visitor goes to a weaker flow.
func TestFlow_ThatIsLeftByALinkAdmitsNoUser(t *testing.T) {
	t.Parallel()
	hands := authentiktest.Flow{Slug: "hands", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.DummyStage{}}, {Stage: &authentiktest.RedirectStage{Flow: "demanding"}},
	}}
	s := newSite(t, func(c *Config) { c.Flow = "hands" }, append(recoveryFlow(), hands)...)
	p := s.person(t)
	page := p.send(p.open("/kept")) // and authentik asks for the name
	page = p.send(p.send(page, "flow", "recovery"), "uid_field", "jane")
	page.says(t, "Done. You can sign in now.")
	if s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" {
		t.Fatal("got a session by a weaker flow, want none")
	}
	page = p.send(p.send(p.send(page), "uid_field", "jane"), "password", "open sesame")
	if page.body != "hello jane" {
		t.Errorf("by the flow that the demanded one leads to: got status %d at %s", page.status, page.path)
	}
}

// TestRelay_DemandedFlowBeginsAgainAfterAWeakerOne: authentik would refuse to run
// it for a user who is signed in already.
func TestRelay_DemandedFlowBeginsAgainAfterAWeakerOne(t *testing.T) {
	t.Parallel()
	for name, flow := range guarded() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *Config) { c.Flow, c.Login = "guarded", LoginRelay }, flow, recoveryFlow()[1])
			p := &interfaced{person: s.person(t)}
			p.opens("/report")
			start := p.at
			p.is(p.asks(nil), asksName)
			p.opens("/if/flow/recovery/")
			p.asks(map[string]any{"uid_field": "jane"})
			p.at = start
			before := s.front.asked.Load()
			if next := p.asks(nil); next["component"] != "xak-flow-redirect" || next["to"] != "/.authentik/login?to=%2Freport" {
				t.Errorf("the executor: got %v, want a new beginning", next)
			}
			if got := s.front.asked.Load() - before; got != 0 {
				t.Errorf("got %d requests to authentik, want none", got)
			}
			p.opens(start)
			p.is(p.asks(nil), asksName)
			p.asks(map[string]any{"uid_field": "jane"})
			if page := p.goes(p.asks(map[string]any{"password": "open sesame"})); page.body != "hello jane" || page.path != "/report" {
				t.Errorf("the demanded flow: got status %d at %s, want hello jane", page.status, page.path)
			}
		})
	}
}

// TestRelay_WorksWhereMostOfTheSiteIsOpen: the paths of authentik's interface are
// open as well then, and are the application's until a sign-in has begun.
func TestRelay_WorksWhereMostOfTheSiteIsOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Login = LoginRelay
		c.Open = func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/admin") }
	})
	p := &interfaced{person: s.person(t)}
	if page := p.open("/if/flow/login/"); page.body != "hello " {
		t.Errorf("before a sign-in: got %q, want the application", page.body)
	}
	p.opens("/admin")
	p.is(p.asks(nil), asksName)
	p.asks(map[string]any{"uid_field": "jane"})
	if page := p.goes(p.asks(map[string]any{"password": "open sesame"})); page.body != "hello jane" || page.path != "/admin" {
		t.Errorf("got status %d at %s, want hello jane at /admin", page.status, page.path)
	}
	if page := p.open("/if/flow/login/"); page.body != "hello jane" {
		t.Errorf("after the sign-in: got %q, want the application", page.body)
	}
}
