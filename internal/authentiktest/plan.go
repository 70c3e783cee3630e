package authentiktest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Keys of a plan's context, with authentik's names. Policies may read them.
const (
	contextPending    = "pending_user"            // User
	contextIdentifier = "pending_user_identifier" // string, shown instead of the pending user
	contextRedirect   = "redirect"                // string, wins over next
	contextRedirected = "is_redirected"           // Flow that led here
	contextMethod     = "auth_method"             // string
	contextMethodArgs = "auth_method_args"        // object
	contextFailures   = "failed_attempts"         // int, of the password
	contextApp        = "application"             // Application
	contextHint       = "login_hint"              // string, who the visitor is according to the client
)

// A plan is a flow in progress: the stages that are left, and what is known so
// far. A session has at most one. Values in the context are replaced, never
// changed, so that a copy of the map is a copy of the plan.
type plan struct {
	flow    string // pk
	steps   []planned
	context map[string]any
}

type planned struct {
	binding    Binding
	reevaluate bool
	reached    bool // its stage has been looked up and is kept with the plan
}

func (p *plan) clone() *plan {
	if p == nil {
		return nil
	}
	return &plan{flow: p.flow, steps: slices.Clone(p.steps), context: maps.Clone(p.context)}
}

// A notApplicable is the refusal of a flow as a whole.
type notApplicable struct{ messages []string }

func (notApplicable) Error() string { return "the flow does not apply" }

var errEmpty = errors.New("the flow has no stages")

// begin makes a plan for the flow, with what is known already.
func (v *visit) begin(context map[string]any) (*plan, error) {
	if context == nil {
		context = map[string]any{}
	}
	if !v.meets(v.flow.Authentication, context) {
		return nil, notApplicable{}
	}
	if passing, messages := v.passes(v.flow.Policies, v.flow.PolicyMode, context); !passing {
		return nil, notApplicable{messages}
	}
	p := &plan{flow: v.flow.pk, context: context}
	for _, b := range v.flow.Bindings {
		if b.EvaluateOnPlan {
			if passing, _ := v.passes(b.Policies, b.PolicyMode, context); !passing {
				continue
			}
		}
		p.steps = append(p.steps, planned{binding: b, reevaluate: !b.SkipReevaluation})
	}
	if len(p.steps) == 0 {
		return nil, errEmpty
	}
	return p, nil
}

// meets reports whether the visitor meets the requirement of a flow. No visitor
// is an outpost.
func (v *visit) meets(a Authentication, context map[string]any) bool {
	switch a {
	case RequireAuthenticated:
		return v.user.PK != 0
	case RequireUnauthenticated:
		return v.user.PK == 0
	case RequireSuperuser:
		return v.user.PK != 0 && v.srv.superuser(v.user)
	case RequireRedirect:
		return context[contextRedirected] != nil
	case RequireToken:
		return context[contextRestored] != nil
	case RequireOutpost:
		return false
	}
	return true
}

// next is the binding whose turn it is, or nil after the last. Bindings whose
// policies refuse are left out, and the visitor does not see what the policies
// said.
func (v *visit) next() (*Binding, error) {
	for len(v.plan.steps) > 0 {
		step := &v.plan.steps[0]
		if !step.reached && v.srv.deleted(step.binding.Stage) {
			return nil, errStageGone
		}
		passing := true
		if step.reevaluate {
			passing, _ = v.passes(step.binding.Policies, step.binding.PolicyMode, v.plan.context)
		}
		if passing {
			step.reached = true
			return &step.binding, nil
		}
		v.plan.steps = v.plan.steps[1:]
	}
	return nil, nil
}

// errStageGone is the exception of a plan when the next stage has been deleted.
var errStageGone = errors.New("the stage has been deleted")

// passes evaluates policies for the visitor. Without policies everyone passes.
func (v *visit) passes(policies []Policy, mode PolicyMode, context map[string]any) (bool, []string) {
	return v.srv.passes(policies, mode, PolicyRequest{
		User: v.user, Pending: v.srv.current(pending(context)), HTTP: v.request, Context: context,
	})
}

func (s *Server) passes(policies []Policy, mode PolicyMode, r PolicyRequest) (bool, []string) {
	var messages []string
	passed := 0
	for _, p := range policies {
		ok, said := p.ask(s, &r)
		if ok {
			passed++
		}
		messages = append(messages, said...)
	}
	switch {
	case len(policies) == 0:
		return true, nil
	case mode == PolicyAll:
		return passed == len(policies), messages
	}
	return passed > 0, messages
}

func (p Policy) ask(s *Server, r *PolicyRequest) (passing bool, messages []string) {
	var err error
	switch {
	case p.Func != nil:
		passing, messages, err = p.Func(r)
	case p.Reputation != nil:
		passing = p.Reputation.passes(s, r)
	case p.Group != "":
		passing = slices.Contains(s.memberships(r.User), p.Group)
	case p.User != "":
		passing = r.User.Username == p.User
	}
	if err != nil {
		return false, []string{err.Error()}
	}
	return passing != p.Negate, messages
}

// pending is the user that a plan is about, or the zero User.
func pending(context map[string]any) User {
	u, _ := context[contextPending].(User)
	return u
}

// refused answers a visitor to whom the flow does not apply.
func (v *visit) refused(na notApplicable) (*response, error) {
	continues := v.flow.DeniedAction != DeniedMessage
	if next := v.request.URL.Query().Get("next"); continues && next != "" && !absolute(next) {
		return v.redirect(next)
	}
	if v.flow.DeniedAction == DeniedContinue {
		return v.redirect(v.srv.url("/"))
	}
	message := strings.Join(na.messages, "\n")
	return v.deny(or(message, v.text("Flow does not apply to current user.")))
}

// restart makes a new plan after a refusal.
func (v *visit) restart() (*response, error) {
	var context map[string]any
	if v.binding.InvalidResponse == RestartWithContext {
		context = v.plan.context
	}
	p, err := v.begin(context)
	var na notApplicable
	if errors.As(err, &na) {
		v.binding = nil
		return v.refused(na)
	}
	if err != nil {
		return nil, fmt.Errorf("restarting: %w", err)
	}
	v.plan, v.session.plan = p, p
	return v.again()
}

// again is the executor's redirect to itself.
func (v *visit) again() (*response, error) {
	location := v.srv.url("/api/v3/flows/executor/" + v.flow.Slug + "/")
	if q := reencode(v.request.URL.RawQuery); q != "" {
		location += "?" + q
	}
	return &response{status: http.StatusFound, location: location}, nil
}
