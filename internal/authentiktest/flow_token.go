package authentiktest

import (
	"maps"
	"time"
)

// contextRestored is the flowToken that a plan was restored from.
const contextRestored = "is_restored"

// paramToken is the parameter of a page that names a flow token.
const paramToken = "flow_token"

// A flowToken is a stored plan. Any browser that comes with the key gets it.
type flowToken struct {
	key   string
	user  int // pk
	plan  *plan
	until time.Time
	lasts bool // looking it up does not use it up
}

// keepPlan stores a plan and returns the key.
func (s *Server) keepPlan(t flowToken) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.key = random(60)
	t.plan = t.plan.clone()
	s.plans[t.key] = t
	return t.key
}

func (s *Server) keptPlan(key string) (flowToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, found := s.plans[key]
	return t, found && s.now().Before(t.until)
}

func (s *Server) dropPlan(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.plans, key)
}

// restore puts the plan of the page's flow token into the session. In releases
// that mix the two, values of the session's plan win.
func (v *visit) restore(params query) {
	key, found := params.last(paramToken)
	if !found {
		return
	}
	t, found := v.srv.keptPlan(key)
	if !found {
		return
	}
	if !t.lasts {
		v.srv.dropPlan(key)
	}
	p := t.plan.clone()
	if before := v.session.plan; before != nil && v.srv.dialect.mixedPlans {
		maps.Copy(p.context, before.context)
	}
	p.context[contextRestored] = t
	v.session.plan = p
}

// A confirmStage precedes the plan behind a link in a mail, so that mail
// scanners that open links do not use it up.
type confirmStage struct{ ConsentStage }

func (s *confirmStage) get(v *visit) (*response, error) {
	t, _ := v.plan.context[contextRestored].(flowToken)
	if _, found := v.srv.keptPlan(t.key); !found {
		return v.deny(v.text("Link was already used, please request a new link."))
	}
	return s.ConsentStage.get(v)
}

// post uses the link up. It does not fail if another browser has done so since
// the question was shown.
func (s *confirmStage) post(v *visit) (*response, error) {
	before := len(v.plan.steps)
	res, err := s.ConsentStage.post(v)
	if len(v.plan.steps) < before {
		t, _ := v.plan.context[contextRestored].(flowToken)
		v.srv.dropPlan(t.key)
	}
	return res, err
}
