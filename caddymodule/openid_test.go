package caddymodule

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// mistakesOf returns the mistakes of a configuration in JSON.
func mistakesOf(t testing.TB, options string) []string {
	t.Helper()
	var all []string
	for _, err := range read(t, options).expand() {
		all = append(all, err.Error())
	}
	return all
}

// What contradicts itself in JSON is refused with the same words as in the Caddyfile.
func TestConflicts_AreRefusedInJSON(t *testing.T) {
	t.Setenv("GATE_LOGIN", "redirect")
	t.Setenv("GATE_SCOPES", "profile email")
	tests := map[string][]string{
		`"client_id": "wiki"`: {
			"client_id needs the application whose provider the client is registered at; write application <slug> too",
		},
		`"client_id": "wiki", "application": "wiki", "flow": "main"`: {
			"flow cannot be used with client_id, as authentik's provider picks the flow; leave flow out, and choose the flow at the provider",
		},
		`"client_secret": "x", "scopes": ["openid"], "require_mfa": true, "max_age": "1h", "login": "{env.GATE_LOGIN}"`: {
			"client_secret needs OpenID Connect; write client_id and application too, or leave client_secret out",
			"scopes needs OpenID Connect; write client_id and application too, or leave scopes out",
			"require mfa needs OpenID Connect; write client_id and application too, or leave require mfa out",
			"max_age needs OpenID Connect; write client_id and application too, or leave max_age out",
			"login redirect needs OpenID Connect; write client_id and application too, or leave login redirect out",
		},
		`"headers": {"own": [{"name": "X-Tenant", "value": "tenant"}, {"name": "X-Token", "value": "{http.auth.user.access_token}"}]}`: {
			`headers X-Tenant: "tenant" is not a claim without client_id; write one of id, username, name, email, uid, groups, session, assertion, or a text with placeholders`,
			"headers X-Token: access_token needs OpenID Connect; write client_id and application too, or leave this header out",
		},
		`"require": [{"claim": "email", "values": ["ada@example.com"]}, {"claim": "groups", "values": ["staff"]}]`: {
			`require email: "email" cannot be required without client_id; write group or user, or client_id and application too`,
			`require groups: "groups" cannot be required without client_id; did you mean group?`,
		},
		`"require": [{"claim": "", "values": ["x"]}, {"claim": "group", "values": []}, {"claim": "mfa", "values": ["yes"]}]`: {
			`require: "" cannot be the name of a claim; write up to 100 letters, digits and _ . : / -`,
			"require group: it names no value; write for example: require group staff",
			"require mfa: mfa takes no value; write require mfa without one, in JSON require_mfa",
		},
		`"require": [{"claim": "{env.GATE_THAT_IS_NOT_SET}", "values": ["{env.GATE_THAT_IS_NOT_SET}", ""]}]`: {
			"require: evaluated placeholder {env.GATE_THAT_IS_NOT_SET} is empty; set it, or write the value itself",
			"require: evaluated placeholder {env.GATE_THAT_IS_NOT_SET} is empty; set it, or write the value itself",
		},
		`"require": [{"claim": "group", "values": [""]}, {"claim": "user", "values": ["ada", "ada"]}]`: {
			"require group: this text is blank or has control characters; write a line of plain text",
			`require user: "ada" is given twice; keep one of them`,
		},
		`"client_id": "wiki", "application": "wiki", "scopes": ["{env.GATE_SCOPES}", "", "email", "email"]`: {
			`scopes: "profile email" is not a scope; write scopes with blanks between them, each without blanks, " and \`,
			`scopes: "" is not a scope; write scopes with blanks between them, each without blanks, " and \`,
			"scopes: email is given twice; keep one of them",
		},
		`"client_id": "wiki", "application": "wiki", "require": [{"claim": "a b", "values": ["x"]}], "headers": {"own": [{"name": "X-A", "value": "a b"}]}`: {
			`require a b: "a b" cannot be the name of a claim; write up to 100 letters, digits and _ . : / -`,
			`headers X-A: "a b" cannot be the name of a claim; write up to 100 letters, digits and _ . : / -`,
		},
		`"idle": "1m59s", "recheck": "9s", "grace": "-1ns"`: {
			`idle: "1m59s" is less than two minutes, and the use of a session is recorded once a minute; write for example 30m`,
			`recheck: "9s" is less than ten seconds, too often for authentik; write for example 5m`,
			`grace: "-1ns" is negative; write for example 15m, or 0s to refuse at once`,
		},
		`"headers": {"own": [{"name": "X-Tenant", "value": "attributes.tenant"}, {"name": "X-Office", "value": "in {http.auth.user.attributes.office}"}]}`: {
			"headers X-Tenant: attributes.tenant needs OpenID Connect, since authentik sends attributes only with the scope ak_proxy; " +
				"write client_id, application and scopes openid profile email ak_proxy, or leave it out",
			"headers X-Office: attributes.office needs OpenID Connect, since authentik sends attributes only with the scope ak_proxy; " +
				"write client_id, application and scopes openid profile email ak_proxy, or leave it out",
		},
		`"client_id": "wiki", "application": "wiki", "headers": {"own": [{"name": "X-Tenant", "value": "attributes.tenant"}]}`: {
			"headers X-Tenant: attributes.tenant needs the scope ak_proxy, with which authentik sends attributes; write scopes openid profile email ak_proxy",
		},
		`"client_id": "wiki", "application": "wiki", "client_secret": "a{b}c"`: {
			`client_secret: it has braces around what is no placeholder; write \{ for {, or put it in a file and write {file.<path>}`,
		},
	}
	for options, want := range tests {
		if diff := cmp.Diff(want, mistakesOf(t, `{"url": "https://auth.example.com", `+options+`}`)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", options, diff)
		}
	}
}

func TestOptions_BecomeTheGatesConfig(t *testing.T) {
	t.Parallel()
	h := read(t, `{
		"url": "https://auth.example.com", "application": "wiki",
		"client_id": "wiki-client", "client_secret": "s3cret", "scopes": ["openid", "profile"], "login": "redirect",
		"require": [{"claim": "group", "values": ["staff", "help desk"]}, {"claim": "tenant", "values": ["north"]}],
		"require_mfa": true, "max_age": "8h", "lifetime": "7d", "idle": "30m", "recheck": "1m", "grace": "1h",
		"headers": {"own": [{"name": "Authorization", "value": "Bearer {http.auth.user.access_token}"}]}
	}`)
	if wrong := h.expand(); wrong != nil {
		t.Fatal(wrong)
	}
	cfg := h.config()
	want := proxy.OIDCConfig{
		ClientID: "wiki-client", ClientSecret: "s3cret", Scopes: []string{"openid", "profile"},
		KeepAccessToken: true,
	}
	if diff := cmp.Diff(want, cfg.OIDC); diff != "" {
		t.Errorf("OpenID Connect (-want +got):\n%s", diff)
	}
	require := []proxy.Requirement{{Claim: "group", Values: []string{"staff", "help desk"}}, {Claim: "tenant", Values: []string{"north"}}}
	if diff := cmp.Diff(require, cfg.Require); diff != "" {
		t.Errorf("require (-want +got):\n%s", diff)
	}
	if cfg.Login != proxy.LoginRedirect || cfg.Lifetime != 7*24*time.Hour || cfg.Idle != 30*time.Minute ||
		cfg.Recheck != time.Minute || !cfg.RequireMFA || cfg.MaxAge != 8*time.Hour || *cfg.Grace != time.Hour {
		t.Errorf("login %s, lifetime %v, idle %v, recheck %v, mfa %t, max age %v, grace %v",
			cfg.Login, cfg.Lifetime, cfg.Idle, cfg.Recheck, cfg.RequireMFA, cfg.MaxAge, cfg.Grace)
	}
}

// authentik may be down: nothing of OpenID Connect is asked for at the start.
func TestOpenID_IsNotNeededToStart(t *testing.T) {
	s := newSite(t)
	s.standIn.Close()
	s.load(`SITE {
	authentik AUTHENTIK {
		application wiki
		client_id wiki
		client_secret secret
		scopes openid profile
		require mfa
		require tenant north
		max_age 8h
		idle 30m
		recheck 1m
		grace 0s
		headers {
			X-Tenant tenant
			X-Token access_token
		}
	}
	reverse_proxy APP
}
`)
	b := s.browser()
	b.header.Set("Remote-User", "mallory")
	b.header.Set("Accept", "*/*")
	if b.get("/").StatusCode < 300 || s.app.seen() != nil {
		t.Error("a request reached the application")
	}
}
