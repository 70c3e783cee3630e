package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Rule demands more of some requests than the gate demands of all. What all
// rules demand that are about a request has to be met, and no such request is
// open.
type Rule struct {
	// Name is how Explain names the rule. Default: its number.
	Name string
	// Match reports whether the rule is about a request. A request whose path
	// servers read in different ways, as rules.AmbiguousPath says, has to meet the
	// demands of every rule. Required.
	Match func(*http.Request) bool
	// Require says who may pass: every requirement must hold.
	Require []Requirement
	// RequireMFA lets in only users who have signed in with a second factor. It
	// needs OpenID Connect.
	RequireMFA bool
	// MaxAge is how long ago a sign-in at authentik may be. It needs OpenID
	// Connect. Default: any time.
	MaxAge time.Duration
}

func (r Rule) demand() authn.Demand { return authn.Demand{MFA: r.RequireMFA, MaxAge: r.MaxAge} }

// A ruleSet is the rules of a gate.
type ruleSet []Rule

// needs are the rules that are about a request, one bit each.
type needs uint64

// maxRules is how many rules a gate may have.
const maxRules = 64

// about returns the rules that are about a request.
func (all ruleSet) about(x *exchange.Exchange) (n needs) {
	if len(all) == 0 {
		return 0
	}
	every := rules.AmbiguousPath(x.At.Asked) || rules.AmbiguousPath(x.R.URL)
	for i, rule := range all {
		if every || rule.Match(x.R) {
			n |= 1 << i
		}
	}
	return n
}

// demand returns what rules demand of a sign-in beyond what is demanded of all.
func (all ruleSet) demand(n needs, demand authn.Demand) authn.Demand {
	for i := 0; n != 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			demand = demand.And(all[i].demand())
		}
	}
	return demand
}

// fit reports whether a user meets what rules require.
func (all ruleSet) fit(u User, n needs) bool {
	for i := 0; n != 0; i, n = i+1, n>>1 {
		if n&1 != 0 && !meetsAll(u, all[i].Require) {
			return false
		}
	}
	return true
}

// meetsAll reports whether a user meets all requirements.
func meetsAll(u User, all []Requirement) bool {
	for _, need := range all {
		if !user.Meets(u, need.Claim, need.Values) {
			return false
		}
	}
	return true
}

// checkRules checks the rules.
func (cfg Config) checkRules(wrong func(option string, err error)) {
	if len(cfg.Rules) > maxRules {
		wrong("rules", fmt.Errorf("there are %d, and at most %d are possible; give several paths the same rule", len(cfg.Rules), maxRules))
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
		options := rules.Given{ClientID: cfg.OIDC.used(), Application: true, LoginAt: cfg.LoginAt != nil, RequireMFA: rule.RequireMFA, MaxAge: rule.MaxAge != 0}
		for _, conflict := range options.Conflicts() {
			wrong(name, conflict.Err)
		}
		for _, r := range rule.Require {
			wrong(strings.TrimSpace(name+": require "+r.Claim), source.Requirement(r.Claim, r.Values))
		}
	}
}

// A Requirement is met by a user of whom one of its values is true.
type Requirement struct {
	// Claim is "user" for the username, "group" for the name of a group, or a claim of
	// OpenID Connect. Names are compared as they are, case included.
	Claim string
	// Values are alternatives. One at least is required.
	Values []string
}

// fits reports whether a user meets all that the operator requires.
func (cfg Config) fits(u User) bool {
	return meetsAll(u, cfg.Require)
}
