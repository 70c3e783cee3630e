package proxy

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
)

// ExplainHeader is the response header that explains a decision to the members of
// Config.Debug.
const ExplainHeader = "X-Authentik-Explain"

// An Explanation says what a gate decides about a request, and why. It contains
// no secrets: no cookie, no token, and of the headers for the application only
// the values that say who the user is.
type Explanation struct {
	// Decision is pass, open, own, sign-in, refuse, or ask if authentik has to be
	// asked first.
	Decision string `json:"decision"`
	// Code is the code of a refusal, and Status the status of the response.
	Code   fault.Code `json:"code,omitempty"`
	Status int        `json:"status,omitempty"`
	// Steps are the reasons for the decision, in their order.
	Steps []string `json:"steps"`
	// Asks are the questions to authentik that the decision depends on, each
	// with the address that would be asked. They are empty unless Decision is
	// ask.
	Asks []string `json:"asks,omitempty"`
	// Open says which option opens the request, or that no option does. It is
	// empty if Config.WhyOpen says nothing.
	Open    string           `json:"open,omitempty"`
	Session ExplainedSession `json:"session"`
	// Rules are all demands. The demands on every request come first.
	Rules []ExplainedRule `json:"rules"`
	// Removed are the names of identity headers that the client has sent. Told
	// are the headers that the application gets, if the request passes.
	Removed []string          `json:"removed,omitempty"`
	Told    []ExplainedHeader `json:"told,omitempty"`
	// At is the request as the gate sees it.
	At ExplainedRequest `json:"at"`
}

// ExplainedRequest is a request as the server in front has resolved it.
type ExplainedRequest struct {
	Site   string `json:"site"`
	Path   string `json:"path"`
	Client string `json:"client"`
}

// ExplainedSession is the session of a request, or says why none was found.
type ExplainedSession struct {
	ID    string    `json:"id,omitempty"`
	User  string    `json:"user,omitempty"`
	Begun time.Time `json:"begun,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Confirmed is when authentik last confirmed the session.
	Confirmed time.Time `json:"confirmed,omitzero"`
	// Missing says why the request has no session: one reason for each session
	// cookie.
	Missing []string `json:"missing,omitempty"`
}

// ExplainedRule is a rule, and its demands.
type ExplainedRule struct {
	Rule string `json:"rule"`
	// Applies says whether the rule applies to the request.
	Applies bool              `json:"applies"`
	Demands []ExplainedDemand `json:"demands"`
}

// ExplainedDemand is one demand. Verdict is met, not met or unknown.
type ExplainedDemand struct {
	Demand  string `json:"demand"`
	Verdict string `json:"verdict"`
}

// ExplainedHeader is a header for the application. Hidden says that its value is a
// secret, or is made for each request.
type ExplainedHeader struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Hidden bool   `json:"hidden,omitempty"`
}

// Explain says what the gate would decide about a request, and why. It decides
// as Guard does, but changes nothing: it neither uses, ends nor counts a
// session, it does not ask authentik, and it does not change the request.
func (g *Gate) Explain(r *http.Request) Explanation {
	r = r.Clone(r.Context())
	x := exchange.Exchange{R: r, At: g.resolve(r), Shared: g.member.Shared, Sent: slices.Clone(g.member.Sent(r)), Trace: new(exchange.Trace)}
	before := slices.Sorted(maps.Keys(r.Header))
	left := g.prepare(&x)
	removed := slices.DeleteFunc(before, func(name string) bool { _, kept := r.Header[name]; return kept })
	e := g.explain(&x, g.decisions.Final(&x, left, g.decisions.Decide(&x)))
	e.Removed = removed
	if g.cfg.WhyOpen != nil {
		e.Open = g.cfg.WhyOpen(r)
	}
	return e
}

// explain explains a decision.
func (g *Gate) explain(x *exchange.Exchange, d decision.Decision) Explanation {
	e := Explanation{Decision: decision.Kind(d), Steps: x.Trace.Steps, Rules: []ExplainedRule{}, At: ExplainedRequest{x.Origin(), x.At.Asked.Path, x.At.Client.String()}}
	s, found, _ := x.Session()
	if !found && x.Shows() {
		s = x.Standing().Session
	}
	e.Session = ExplainedSession{Missing: x.Trace.Missing}
	if s != nil {
		e.Session = ExplainedSession{
			ID: s.ID(), User: s.User.Username, Begun: s.Begun.UTC(), Until: s.Until.UTC(),
			Confirmed: g.cfg.Now().Add(-s.Unconfirmed(g.cfg.Now())).UTC(),
		}
	} else if len(e.Session.Missing) == 0 {
		e.Session.Missing = []string{"the request has no session cookie of this gate"}
	}
	switch d := d.(type) {
	case decision.Pass:
		for _, told := range g.headers.Told(d.Session.Headers) {
			e.Told = append(e.Told, ExplainedHeader{told.Name, told.Value, !told.Shown})
		}
	case decision.Recheck:
		e.Decision, e.Asks = "ask", g.asksAbout(e.Session.User)
	case decision.Try:
		e.Decision, e.Asks = "ask", g.asksAboutProgram(x)
	case decision.SignIn:
		e.Status = http.StatusSeeOther
	case decision.StepUp:
		e.Status = http.StatusUnauthorized
		if intent.Navigates(x.R) || intent.Framed(x.R) {
			e.Status = http.StatusSeeOther
		}
	case decision.Refuse:
		e.Code, e.Status = d.Err.Code, d.Err.Status
	}
	e.Rules = explained(g.access.Demands(x, s))
	return e
}

// asksAbout returns the questions to authentik about the session of a user.
func (g *Gate) asksAbout(user string) (all []string) {
	if app := g.cfg.Application; app != "" {
		all = append(all, "whether "+user+" may use the application "+app+" (/api/v3/core/applications/"+app+"/check_access/)")
	}
	if g.cfg.OIDC.ClientID != "" {
		return append(all, "whether "+user+" is still signed in (/application/o/token/, or /application/o/authorize/ with authentik's session)")
	}
	return append(all, "whether "+user+" is still signed in (/api/v3/core/users/me/)")
}

// asksAboutProgram returns the questions to authentik about the credential of a
// program.
func (g *Gate) asksAboutProgram(x *exchange.Exchange) []string {
	switch {
	case x.Credential.Scheme == programs.Bearer:
		return []string{"whether the access token in Authorization is good (/application/o/userinfo/ or /application/o/introspect/)"}
	case g.cfg.OIDC.ClientID != "":
		return []string{"whether the name and the app password in Authorization are good (/application/o/token/)"}
	default:
		return []string{"whether the name and the app password in Authorization are good (the steps of the flow)"}
	}
}

// explained returns demands in the form of an explanation.
func explained(all []access.Demands) []ExplainedRule {
	rules := make([]ExplainedRule, 0, len(all))
	for _, one := range all {
		rule := ExplainedRule{Rule: one.Rule, Applies: one.Applies, Demands: []ExplainedDemand{}}
		for _, demand := range one.Each {
			rule.Demands = append(rule.Demands, ExplainedDemand{demand.Text, demand.Verdict})
		}
		rules = append(rules, rule)
	}
	return rules
}

// debug explains a decision in a response header, if the user of the request's
// session is a member of the group.
func (g *Gate) debug(x *exchange.Exchange, d decision.Decision) {
	switch d.(type) {
	case decision.Own, decision.Relayed, decision.LeftOver:
		return
	}
	s, found, err := x.Session()
	if err != nil || !found || !slices.Contains(s.User.Groups, g.cfg.Debug) {
		return
	}
	again := *x
	again.Trace = new(exchange.Trace)
	g.decisions.Decide(&again)
	x.W.Header().Set(ExplainHeader, g.explain(&again, d).line())
}

// maxLine is the maximum length of the explanation in a header, in bytes.
const maxLine = 2 << 10

// line returns the explanation in printable ASCII.
func (e Explanation) line() string {
	parts := []string{e.Decision}
	if e.Code != "" {
		parts = append(parts, string(e.Code))
	}
	if e.Session.ID != "" {
		parts = append(parts, "session "+e.Session.ID)
	}
	parts = append(parts, e.Steps...)
	for _, rule := range e.Rules {
		for _, demand := range rule.Demands {
			if rule.Applies {
				parts = append(parts, rule.Rule+": "+demand.Demand+": "+demand.Verdict)
			}
		}
	}
	var line strings.Builder
	for i, b := range []byte(strings.Join(parts, "; ")) {
		switch {
		case i >= maxLine:
			return line.String() + "..."
		case b < ' ', b > '~', b == '%':
			fmt.Fprintf(&line, "%%%02X", b)
		default:
			line.WriteByte(b)
		}
	}
	return line.String()
}
