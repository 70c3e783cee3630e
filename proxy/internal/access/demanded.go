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

// Demands are the demands of one rule.
type Demands struct {
	Rule    string
	Applies bool // the rule applies to the request
	Each    []Demand
}

// A Demand is one demand in words. Its Verdict says whether the session meets
// it: met, not met or unknown.
type Demand struct{ Text, Verdict string }

// Demands lists all demands, with the verdict of a session on each. The demands
// on every request come first. If the session is nil, all verdicts are unknown.
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

// each lists the demands on every request, or those of one rule. maxAge is the
// maximum age of a second factor for the request, from all rules that apply to
// it.
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
