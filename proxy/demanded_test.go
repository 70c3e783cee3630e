package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// onlyAnonymous is a policy that passes only visitors who are not signed in.
var onlyAnonymous = authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
	return r.User.PK == 0, nil, nil
}}

// guarded are flows that ask a user who is signed in for less than others, each
// with a link to a flow that signs in with only a name.
func guarded() map[string]authentiktest.Flow {
	flow := func() authentiktest.Flow {
		f := loginFlow("guarded")
		f.Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: []string{"username"}, RecoveryFlow: "recovery"}
		return f
	}
	require, policy, skips := flow(), flow(), flow()
	require.Authentication = authentiktest.RequireUnauthenticated
	policy.Policies = []authentiktest.Policy{onlyAnonymous}
	for i := range skips.Bindings[:2] {
		skips.Bindings[i].Policies = []authentiktest.Policy{onlyAnonymous}
		skips.Bindings[i].EvaluateOnPlan = true
	}
	return map[string]authentiktest.Flow{"require_unauthenticated": require, "a policy of the flow": policy, "policies of its stages": skips}
}

// newReleaseSite is a site with authentik of a release.
func newReleaseSite(t testing.TB, release authentiktest.Release, change func(*Config), flows ...authentiktest.Flow) *site {
	t.Helper()
	stand, err := authentiktest.New(authentiktest.Config{Release: release, Flows: append(twoSteps(), flows...), Users: people()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(stand)
	t.Cleanup(server.Close)
	return newSite(t, func(c *Config) {
		c.Client = newClient(t, server.URL)
		change(c)
	})
}

// TestFlow_ThatFindsTheUserSignedInAdmitsNoUser finishes a weaker flow, and then
// asks for the demanded one in the same session.
func TestFlow_ThatFindsTheUserSignedInAdmitsNoUser(t *testing.T) {
	t.Parallel()
	for name, flow := range guarded() {
		for _, release := range authentiktest.Releases() {
			t.Run(name+" "+string(release), func(t *testing.T) {
				t.Parallel()
				s := newReleaseSite(t, release, func(c *Config) { c.Flow, c.Login = "guarded", LoginRelay }, flow, recoveryFlow()[1])
				p := &interfaced{person: s.person(t)}
				p.opens("/report")
				relay := cookieNames(s.gate).Relay
				p.is(p.asks(nil), asksName)
				before := p.cookie(relay)
				p.open("/if/flow/recovery/")
				if status := p.posts("recovery", "", map[string]any{"uid_field": "jane"}); status != http.StatusOK {
					t.Fatalf("the weaker flow: got status %d", status)
				}
				after := p.cookie(relay)
				for _, cookie := range []string{after, before} {
					for _, slug := range []string{"guarded", "recovery", "guarded"} {
						p.setCookie(relay, cookie)
						p.posts(slug, "", map[string]any{})
						p.gets("/api/v3/flows/executor/" + slug + "/?query=")
					}
				}
				if page := p.open("/report"); s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" {
					t.Fatalf("got admitted at %s, want refused", page.path)
				}
				p.opens("/report")
				p.is(p.asks(map[string]any{"uid_field": "jane"}), asksPassword)
				if page := p.goes(p.asks(map[string]any{"password": "open sesame"})); page.body != "hello jane" {
					t.Errorf("the demanded flow: got %d at %s", page.status, page.path)
				}
			})
		}
	}
}

// gets asks as the interface does.
func (p *interfaced) gets(path string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.site.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	p.do(r)
}

// TestFlow_ThatLeadsToAnotherAdmits has the demanded flow hand the visitor over by
// its own stage, before and after it has signed them in.
func TestFlow_ThatLeadsToAnotherAdmits(t *testing.T) {
	t.Parallel()
	weak := authentiktest.Flow{Slug: "weak", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}}, {Stage: &authentiktest.UserLoginStage{}},
	}}
	hands := authentiktest.Flow{Slug: "hands", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.DummyStage{}}, {Stage: &authentiktest.RedirectStage{Flow: "weak"}},
	}}
	after := authentiktest.Flow{Slug: "rest", Bindings: []authentiktest.Binding{{Stage: &authentiktest.DummyStage{}}}}
	signs := loginFlow("signs")
	signs.Bindings = append(signs.Bindings, authentiktest.Binding{Stage: &authentiktest.RedirectStage{Flow: "rest"}})
	s := newSite(t, func(c *Config) { c.Flow = "hands" }, hands, weak)
	p := s.person(t)
	page := p.send(p.open("/kept"))
	if page = p.send(page, "uid_field", "jane"); !strings.Contains(page.body, "hello jane") {
		t.Errorf("handed over before the sign-in: got status %d at %s, want hello jane", page.status, page.path)
	}
	s = newSite(t, func(c *Config) { c.Flow = "signs" }, signs, after)
	p = s.person(t)
	page = p.send(p.send(p.open("/kept"), "uid_field", "jane"), "password", "open sesame")
	if page = p.send(page); !strings.Contains(page.body, "hello jane") {
		t.Errorf("signed in by the demanded flow, which goes on elsewhere: got %d at %s", page.status, page.path)
	}
}

// TestRelay_DemandedFlowThatLeadsToAnotherAdmits has the demanded flow hand the
// visitor over on authentik's own pages, and not the visitor choose another.
func TestRelay_DemandedFlowThatLeadsToAnotherAdmits(t *testing.T) {
	t.Parallel()
	weak := authentiktest.Flow{Slug: "weak", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, RecoveryFlow: "recovery"}}, {Stage: &authentiktest.UserLoginStage{}},
	}}
	hands := authentiktest.Flow{Slug: "hands", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.DummyStage{}}, {Stage: &authentiktest.RedirectStage{Flow: "between"}},
	}}
	between := authentiktest.Flow{Slug: "between", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.DummyStage{}}, {Stage: &authentiktest.RedirectStage{Flow: "weak"}},
	}}
	ends := authentiktest.Flow{Slug: "ends", Bindings: []authentiktest.Binding{{Stage: &authentiktest.DummyStage{}}}}
	for name, tt := range map[string]struct {
		demanded string
		walk     func(p *interfaced) screen
		admitted bool
	}{
		"by itself": {"hands", func(p *interfaced) screen {
			p.goes(p.asks(map[string]any{}))
			p.goes(p.asks(map[string]any{}))
			p.is(p.asks(nil), asksName)
			return p.goes(p.asks(map[string]any{"uid_field": "jane"}))
		}, true},
		"after a flow that the visitor chooses": {"hands", func(p *interfaced) screen {
			p.goes(p.asks(map[string]any{}))
			p.goes(p.asks(map[string]any{}))
			p.is(p.asks(nil), asksName)
			p.opens("/if/flow/recovery/")
			p.is(p.asks(nil), asksName)
			p.opens("/if/flow/weak/")
			p.is(p.asks(nil), asksName)
			return p.goes(p.asks(map[string]any{"uid_field": "jane"}))
		}, false},
		"by an address that the visitor has named": {"ends", func(p *interfaced) screen {
			p.at += "?next=%2Fif%2Fflow%2Fweak%2F"
			p.is(p.asks(nil), "ak-stage-dummy")
			p.goes(p.asks(map[string]any{}))
			p.is(p.asks(nil), asksName)
			return p.goes(p.asks(map[string]any{"uid_field": "jane"}))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *Config) { c.Flow, c.Login = tt.demanded, LoginRelay }, hands, between, weak, ends, recoveryFlow()[1])
			p := &interfaced{person: s.person(t)}
			p.opens("/kept")
			p.is(p.asks(nil), "ak-stage-dummy")
			page := tt.walk(p)
			if admitted := page.body == "hello jane" && page.path == "/kept"; admitted != tt.admitted || !admitted && s.reached() != 0 {
				t.Errorf("got status %d at %s, admitted: %t, want %t", page.status, page.path, admitted, tt.admitted)
			}
		})
	}
}
