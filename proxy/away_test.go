package proxy

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// answered takes down the answers that authentik gets to one stage.
type answered struct {
	mu  sync.Mutex
	all []map[string]any
}

func (a *answered) take(answer map[string]any) map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, answer)
	return nil
}

// only returns the one answer that there was.
func (a *answered) only(t testing.TB) map[string]any {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.all) != 1 {
		t.Fatalf("got %d answers: %v", len(a.all), a.all)
	}
	return a.all[0]
}

// TestEnding_NeedsAtMostOneClick walks through each of these in the middle of a login.
func TestEnding_NeedsAtMostOneClick(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		component, challenge, says, policy string
		form                               []string
		response                           any // what authentik must be told
	}{
		"a frame": {
			"xak-flow-frame", `{"url":"https://auth.example.com/endpoint/gdtc/chrome/","loading_text":"x"}`,
			"Continue without this check", "", nil, nil,
		},
		"logouts in frames": {
			"ak-provider-iframe-logout", `{"logout_urls":[{"url":"https://wiki.example.com/out","binding":"redirect","provider_name":"Wiki"}]}`,
			"Wiki", "frame-src https://wiki.example.com;", nil, nil,
		},
		"logouts in frames, hostile": {
			"ak-provider-iframe-logout", `{"logout_urls":[{"url":"javascript:alert(1)","binding":"redirect"},{"url":"https://a.example;script-src *"}]}`,
			"not safe to open", "", nil, nil,
		},
		"a logout in a tab": {
			"ak-provider-saml-native-logout", `{"provider_name":"CRM","saml_binding":"redirect","redirect_url":"https://crm.example.com/sls?SAMLRequest=x"}`,
			`target="_blank" rel="noreferrer">Sign out of CRM`, "", nil, nil,
		},
		"no agent": {
			"ak-stage-endpoint-agent", `{"challenge":"a.b.c","challenge_idle_timeout":5}`, `data-challenge="a.b.c"`, "", []string{"response", ""}, nil,
		},
		"an agent": {
			"ak-stage-endpoint-agent", `{"challenge":"a.b.c","challenge_idle_timeout":5}`, `data-challenge="a.b.c"`, "", []string{"response", "d.e.f"}, "d.e.f",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := new(answered)
			s := newSiteOf(t, inLogin(whoIsIt(&authentiktest.ScriptedStage{Component: row.component, Challenge: row.challenge, Check: got.take})...), nil)
			p := s.person(t)
			page := p.send(p.open("/app"), "uid_field", "jane")
			page.says(t, row.says)
			policy := page.header.Get("Content-Security-Policy")
			if !strings.Contains(policy, row.policy) || row.policy == "" && strings.Contains(policy, "frame-src") || strings.Contains(policy, "script-src *") {
				t.Errorf("got the policy %s", policy)
			}
			p.send(page, row.form...).says(t, "hello jane")
			if said := got.only(t)["response"]; said != row.response {
				t.Errorf("got %v at authentik", said)
			}
		})
	}
}

// TestEnding_FormForAnotherSiteIsNotAnswered: authentik would fail at an answer.
func TestEnding_FormForAnotherSiteIsNotAnswered(t *testing.T) {
	t.Parallel()
	got := new(answered)
	s := newSiteOf(t, inLogin(whoIsIt(&authentiktest.ScriptedStage{
		Component: "ak-stage-autosubmit", Challenge: `{"url":"https://grafana.example.com/acs","attrs":{"SAMLResponse":"<x>","RelayState":""},"title":"On to Grafana"}`, Check: got.take,
	})...), nil)
	p := s.person(t)
	page := p.send(p.open("/app"), "uid_field", "jane")
	page.says(t, `<form method="post" action="https://grafana.example.com/acs" data-away>`)
	page.says(t, `name="SAMLResponse" value="&lt;x&gt;"`)
	page.lacks(t, `name="visit"`)
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://grafana.example.com;") {
		t.Errorf("got the policy %s", policy)
	}
	p.send(page, "component", "ak-stage-autosubmit")
	if len(got.all) != 0 {
		t.Errorf("got the answers %v", got.all)
	}
}

// TestEnding_SessionEndOffersSigningOutEverywhere runs authentik's flow for it.
func TestEnding_SessionEndOffersSigningOutEverywhere(t *testing.T) {
	t.Parallel()
	cfg := inLogin(whoIsIt(&authentiktest.ScriptedStage{
		Component: "ak-stage-session-end", Last: true,
		Challenge: `{"brand_name":"Example","application_name":"Wiki","application_launch_url":"https://wiki.example.com/","invalidation_flow_url":"/if/flow/out/"}`,
	})...)
	cfg.Flows = append(cfg.Flows, authentiktest.Flow{Slug: "out", Title: "Goodbye", Designation: authentiktest.DesignationInvalidation, Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.DummyStage{Name: "really"}}, {Stage: &authentiktest.UserLogoutStage{}},
	}})
	s := newSiteOf(t, cfg, nil)
	p := s.person(t)
	page := p.send(p.open("/app"), "uid_field", "jane")
	page.says(t, `href="https://wiki.example.com/"`)
	page.says(t, "Sign out of Example")
	page = p.send(page, "flow", "invalidation")
	page.says(t, "Goodbye")
	p.send(page).says(t, `name="uid_field"`)
	if s.reached() != 0 {
		t.Error("got a request at the application, want none")
	}
}

// shellAuthentik answers a wrong code of a device as authentik does: with its own page, and
// the question stays.
type shellAuthentik struct{ Authentik }

func (a shellAuthentik) Answer(ctx context.Context, v flowclient.Visitor, f flowclient.Flow, answer flowclient.Answer) (flowclient.Step, error) {
	if code, ok := answer.(flowclient.DeviceCodeAnswer); !ok || code.Code != "999" {
		return a.Authentik.Answer(ctx, v, f, answer)
	}
	shell, err := flowclient.Decode([]byte(`{"component":"xak-flow-shell","body":"<h1>Bad request</h1>"}`))
	return flowclient.Step{Flow: f, Challenge: shell, Cookies: v.Cookies}, err
}

func TestDeviceCode_WrongOneIsAskedForAgain(t *testing.T) {
	t.Parallel()
	got := new(answered)
	s := newSiteOf(t, inLogin(whoIsIt(&authentiktest.ScriptedStage{Component: "ak-provider-oauth2-device-code", Check: got.take})...),
		func(c *Config) { c.Client = shellAuthentik{c.Client} })
	p := s.person(t)
	page := p.send(p.open("/app"), "uid_field", "jane")
	page.says(t, `name="code"`)
	for range 2 {
		page = p.send(page, "code", "999")
		page.says(t, "This code is wrong or has expired.")
		page.says(t, `aria-invalid="true"`)
	}
	p.send(page, "code", "628 193 475").says(t, "hello jane")
	if code := got.only(t)["code"]; code != "628193475" {
		t.Errorf("got %v at authentik", code)
	}
}

func TestEnding_TextOfAuthentiksPageIsShown(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, inLogin(&authentiktest.ScriptedStage{
		Component: "xak-flow-shell", Last: true,
		Challenge: `{"body":"<!DOCTYPE html><html><head><title>Bad Request - Example</title></head><body><script>steal()</script><h1>Invalid sp_binding</h1></body></html>"}`,
	}), nil)
	page := s.person(t).open("/app")
	page.says(t, "Bad Request - Example\nInvalid sp_binding</p>")
	page.lacks(t, "steal()")
}
