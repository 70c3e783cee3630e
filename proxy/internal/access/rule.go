package access

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Requirement is met by a user who has one of its values.
type Requirement struct {
	Claim  string // in the form that user.Meets reads
	Values []string
}

// meetsAll reports whether a user meets all requirements.
func meetsAll(u user.User, all []Requirement) bool {
	for _, need := range all {
		if !user.Meets(u, need.Claim, need.Values) {
			return false
		}
	}
	return true
}

// A Rule adds demands for some requests.
type Rule struct {
	Name    string // for people
	Match   func(*http.Request) bool
	Require []Requirement
	Demand  authn.Demand
}

// Rules are the rules of a gate, MaxRules at most.
type Rules []Rule

// Needs are the rules that apply to a request, one bit for each rule.
type Needs uint64

// MaxRules is how many rules a gate may have.
const MaxRules = 64

// About returns the rules that apply to a request. If servers read its path in
// different ways, all rules apply.
func (all Rules) About(x *exchange.Exchange) (n Needs) {
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

// demand returns what rules demand of a sign-in, in addition to the demand on
// every request.
func (all Rules) demand(n Needs, demand authn.Demand) authn.Demand {
	for i := 0; n != 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			demand = demand.And(all[i].Demand)
		}
	}
	return demand
}

// fit reports whether a user meets the requirements of rules.
func (all Rules) fit(u user.User, n Needs) bool {
	for i := 0; n != 0; i, n = i+1, n>>1 {
		if n&1 != 0 && !meetsAll(u, all[i].Require) {
			return false
		}
	}
	return true
}
