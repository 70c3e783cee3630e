package authentiktest

import (
	"errors"
	"strings"
)

// contextTarget is set by a policy to where the next redirect stage leads: an
// address, or ak-flow:// and a flow's slug.
const contextTarget = "redirect_stage_target"

// A RedirectStage leads to an address or to another flow.
type RedirectStage struct {
	Name string // tells one such stage from another

	To   string // the address
	Flow string // the slug of a flow; wins over To

	// DropContext starts the other flow without what is known so far:
	// keep_context is off.
	DropContext bool
}

func (s *RedirectStage) get(v *visit) (*response, error) {
	to, slug := s.target(v)
	if slug != "" {
		return s.into(v, slug)
	}
	if to == "" {
		return v.deny("No target found for Redirect stage. The stage's target_flow may have been deleted.")
	}
	return v.ask(s.challenge(v, to))
}

// target is the address or the flow to go to. A policy's flow that does not
// exist is ignored.
func (s *RedirectStage) target(v *visit) (to, slug string) {
	wish, _ := v.plan.context[contextTarget].(string)
	slug, isFlow := strings.CutPrefix(wish, "ak-flow://")
	if wish != "" && !isFlow {
		return wish, ""
	}
	for _, slug := range []string{slug, s.Flow} {
		if _, found := v.srv.flow(slug); found {
			return "", slug
		}
	}
	return s.To, ""
}

func (s *RedirectStage) challenge(v *visit, to string) object {
	return v.leading(v.challenge("xak-flow-redirect"), to, false)
}

// into replaces the plan with one of the other flow.
func (s *RedirectStage) into(v *visit, slug string) (*response, error) {
	context := map[string]any{}
	if !s.DropContext {
		context = v.plan.clone().context
	}
	context[contextRedirected] = *v.flow
	p, err := v.planOf(slug, context)
	var na notApplicable
	if errors.As(err, &na) {
		return v.deny("")
	}
	if err != nil {
		return nil, err
	}
	to := v.srv.url("/if/flow/" + slug + "/")
	if q := v.session.params.encode(); q != "" {
		to += "?" + q
	}
	v.session.plan = p
	return v.ask(s.challenge(v, to))
}

// planOf makes a plan of another flow than the running one.
func (v *visit) planOf(slug string, context map[string]any) (*plan, error) {
	running := v.flow
	defer func() { v.flow = running }()
	v.flow, _ = v.srv.flow(slug)
	return v.begin(context)
}

func (s *RedirectStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	f.text("to", rule{})
	if !f.failed() {
		return v.solved()
	}
	res, err := s.get(v)
	if err != nil {
		return nil, err
	}
	c, _ := res.json.(object)
	return v.refuse(c, f.errs)
}
