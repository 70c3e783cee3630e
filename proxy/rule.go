package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Rule adds demands for some requests to the demands on all. A request has to
// meet every rule that applies to it, and is never open if a rule applies.
type Rule struct {
	// Name is the rule's name in Explain. Default: its number.
	Name string
	// Match reports whether the rule applies to a request. A request whose path
	// servers read in different ways (see rules.AmbiguousPath) has to meet the
	// demands of every rule. Required.
	Match func(*http.Request) bool
	// Require says which users may pass: every requirement must hold. Default:
	// all users.
	Require []Requirement
	// RequireMFA admits only users who have signed in with a second factor. It
	// needs what Config.RequireMFA needs. Default: false.
	RequireMFA bool
	// MaxAge is the maximum age of a sign-in at authentik. It needs what
	// Config.MaxAge needs. Default: no maximum.
	MaxAge time.Duration
}

func (r Rule) demand() authn.Demand { return authn.Demand{MFA: r.RequireMFA, MaxAge: r.MaxAge} }

// checkRules checks the rules.
func (cfg Config) checkRules(wrong func(option string, err error)) {
	if len(cfg.Rules) > access.MaxRules {
		wrong("rules", fmt.Errorf("there are %d, and at most %d are possible; give several paths the same rule", len(cfg.Rules), access.MaxRules))
	}
	source := rules.Source{OpenID: cfg.OIDC.used(), Scopes: cfg.OIDC.Scopes}
	for i, rule := range cfg.Rules {
		name := fmt.Sprintf("rule %d", i+1)
		if rule.Match == nil {
			wrong(name, errors.New("it matches nothing; set Match"))
		}
		if len(rule.Require) == 0 && rule.demand() == (authn.Demand{}) {
			wrong(name, errors.New("it demands nothing; set Require, RequireMFA or MaxAge"))
		}
		if rule.MaxAge != 0 && rule.MaxAge < rules.MinMaxAge {
			wrong(name, fmt.Errorf("max age: %v is too short; at least %v are needed", rule.MaxAge, rules.MinMaxAge))
		}
		options := rules.Given{ClientID: cfg.OIDC.used(), Application: true, LoginAt: cfg.LoginAt != nil, LoginPage: cfg.Login == LoginPage, RequireMFA: rule.RequireMFA, MaxAge: rule.MaxAge != 0}
		for _, conflict := range options.Conflicts() {
			wrong(name, conflict.Err)
		}
		for _, r := range rule.Require {
			wrong(strings.TrimSpace(name+": require "+r.Claim), source.Requirement(r.Claim, r.Values))
		}
	}
}

// A Requirement is met by a user who has one of its values.
type Requirement struct {
	// Claim is "user" for the username, "group" for the name of a group, or a
	// claim of OpenID Connect. Values are compared exactly; case matters.
	Claim string
	// Values are alternatives. At least one is required.
	Values []string
}

// access returns the gate's demands on a session.
func (cfg Config) access() *access.Policy {
	p := &access.Policy{
		Application: cfg.Application, Recheck: cfg.Recheck, Grace: *cfg.Grace,
		Require: required(cfg.Require), Demand: cfg.demand(), Now: cfg.Now,
	}
	for _, rule := range cfg.Rules {
		p.Rules = append(p.Rules, access.Rule{Name: rule.Name, Match: rule.Match, Require: required(rule.Require), Demand: rule.demand()})
	}
	return p
}

func required(all []Requirement) (required []access.Requirement) {
	for _, one := range all {
		required = append(required, access.Requirement(one))
	}
	return required
}
