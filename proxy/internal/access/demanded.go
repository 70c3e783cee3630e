package access

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Demands are what one rule demands.
type Demands struct {
	Rule    string
	Applies bool // the rule applies to the request
	Each    []Demand
}

// A Demand is one demand in words, with its Verdict: met, not met or unknown.
type Demand struct{ Text, Verdict string }

// Demands lists everything that is demanded, beginning with what is demanded of
// all requests, and whether a session meets it. If the session is nil, all
// verdicts are unknown.
func (p *Policy) Demands(x *exchange.Exchange, s *session.Session) []Demands {
	needs := p.Rules.About(x)
	every := Demands{Rule: "every request", Applies: true}
	if p.Application != "" {
		verdict := "unknown"
		if s != nil && s.Known(p.Application) {
			verdict = word(s.HasAccess(p.Application))
		}
		every.Each = append(every.Each, Demand{"application " + p.Application, verdict})
	}
	maxAge := p.Demanded(needs).MaxAge
	every.Each = append(every.Each, p.each(s, p.Require, p.Demand, maxAge)...)
	all := []Demands{every}
	for i, rule := range p.Rules {
		all = append(all, Demands{
			Rule: cmp.Or(rule.Name, fmt.Sprintf("rule %d", i+1)), Applies: needs&(1<<i) != 0, Each: p.each(s, rule.Require, rule.Demand, maxAge),
		})
	}
	return all
}

// each lists the demands of all requests or of one rule. maxAge is how old a second
// factor may be, by everything that applies to the request.
func (p *Policy) each(s *session.Session, require []Requirement, demand authn.Demand, maxAge time.Duration) (all []Demand) {
	add := func(text string, met func() bool) {
		verdict := "unknown"
		if s != nil {
			verdict = word(met())
		}
		all = append(all, Demand{text, verdict})
	}
	for _, need := range require {
		add("require "+need.Claim+" "+strings.Join(need.Values, " "), func() bool { return meetsAll(s.User, []Requirement{need}) })
	}
	if demand.MFA {
		add("require mfa", func() bool { return !authn.Demand{MFA: true, MaxAge: maxAge}.LacksFactor(s.SignIn, p.Now()) })
	}
	if demand.MaxAge > 0 {
		add("max_age "+demand.MaxAge.String(), func() bool { return !authn.Demand{MaxAge: demand.MaxAge}.Unmet(s.SignIn, p.Now()) })
	}
	return all
}

func word(met bool) string {
	if met {
		return "met"
	}
	return "not met"
}
