package authentiktest

import (
	"encoding/json"
	"fmt"
	"maps"
)

// contextDeny is the message of deny stages that a policy has set.
const contextDeny = "deny_message"

// A DenyStage refuses every visitor.
type DenyStage struct{ Message string }

func (s *DenyStage) get(v *visit) (*response, error) {
	message, _ := v.plan.context[contextDeny].(string)
	return v.deny(or(message, s.Message))
}

func (s *DenyStage) post(v *visit) (*response, error) { return s.get(v) }

// A DummyStage asks for a click.
type DummyStage struct {
	Name  string
	Throw bool // showing it raises an exception
}

func (s *DummyStage) get(v *visit) (*response, error) {
	if s.Throw {
		return nil, errRaised
	}
	return v.ask(s.challenge(v))
}

func (s *DummyStage) challenge(v *visit) object {
	c := v.challenge("ak-stage-dummy")
	c["name"] = s.Name
	return c
}

func (s *DummyStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	return v.solved()
}

// A ScriptedStage shows any challenge, for example one that authentik does not
// have yet, or that this package has no stage for.
type ScriptedStage struct {
	Component string

	// Challenge is the JSON object of the challenge. component and flow_info
	// are added unless it has them.
	Challenge string

	User bool // the challenge names the pending user

	// Check returns what is wrong with an answer, by field. If nothing is
	// wrong, or without a Check, the stage is solved.
	Check func(answer map[string]any) map[string]string

	// Last is for a challenge without an answer, such as a shell or a redirect.
	Last bool
}

func (s *ScriptedStage) get(v *visit) (*response, error) {
	c, err := s.challenge(v)
	if err != nil {
		return nil, err
	}
	return v.ask(c)
}

func (s *ScriptedStage) challenge(v *visit) (object, error) {
	c := v.challenge(s.Component)
	if s.User {
		c = v.userChallenge(s.Component)
	}
	if s.Challenge == "" {
		return c, nil
	}
	var own object
	if err := json.Unmarshal([]byte(s.Challenge), &own); err != nil {
		return nil, fmt.Errorf("the script of %s: %w", s.Component, err)
	}
	maps.Copy(c, own)
	return c, nil
}

func (s *ScriptedStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	c, err := s.challenge(v)
	if err != nil {
		return nil, err
	}
	if s.Check != nil && f.body != nil {
		for name, what := range s.Check(f.body) {
			f.wrong(name, what, "invalid")
		}
	}
	if f.failed() || s.Last {
		return v.refuse(c, f.errs)
	}
	return v.solved()
}
