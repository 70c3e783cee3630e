package authentiktest

import (
	"errors"
	"net/http"
)

// A Stage is one step of a flow: it asks the visitor, or acts silently. The set
// is closed; a test that needs another challenge uses [ScriptedStage]. Stages
// are pointers: two bindings of one pointer are the same stage in two places,
// and [Server.DeleteStage] identifies a stage by its pointer.
//
// An error stands for an exception: the visitor gets ak-stage-flow-error and
// the plan stays.
type Stage interface {
	get(v *visit) (*response, error)
	post(v *visit) (*response, error)
}

// errRaised is the exception of a stage that is told to raise one.
var errRaised = errors.New("the stage raised an exception")

// object is a JSON object for the visitor.
type object = map[string]any

// challenge begins a challenge with the fields that all have.
func (v *visit) challenge(component string) object {
	return object{"component": component, "flow_info": v.flowInfo()}
}

// userChallenge begins a challenge that names the user it is for.
func (v *visit) userChallenge(component string) object {
	c := v.challenge(component)
	c["pending_user"], c["pending_user_avatar"] = v.shown()
	return c
}

func (v *visit) flowInfo() object {
	info := object{
		"title":      v.title(),
		"background": v.flow.background(v.srv),
		"cancel_url": v.cancelURL(),
		"layout":     or(v.flow.Layout, "stacked"),
	}
	if v.srv.dialect.themedURLs {
		info["background_themed_urls"] = themed(v.flow.background(v.srv))
	}
	return info
}

// ask shows a challenge.
func (v *visit) ask(c object) (*response, error) {
	return &response{status: http.StatusOK, json: c}, nil
}

// refuse shows the challenge again with what was wrong with the answer. If the
// binding restarts, the flow begins again without the errors.
func (v *visit) refuse(c object, errs fieldErrors) (*response, error) {
	if v.restarts() {
		return v.restart()
	}
	c["response_errors"] = errs
	return v.ask(c)
}

// solved ends the stage: the executor redirects to itself, or, after the last
// stage, to the flow's target.
func (v *visit) solved() (*response, error) {
	v.plan.steps = v.plan.steps[1:]
	v.session.plan = v.plan
	if len(v.plan.steps) > 0 {
		v.session.begun = true // also in a session that has just been replaced
		return v.again()
	}
	return v.finish()
}

// deny ends the flow, unless its binding restarts it.
func (v *visit) deny(message string) (*response, error) {
	if v.restarts() {
		return v.restart()
	}
	v.cancel()
	c := v.userChallenge("ak-stage-access-denied")
	c["error_message"] = or(message, v.text("Unknown error"))
	return v.ask(c)
}

// restarts reports whether a refusal restarts the flow. A flow that is refused
// as a whole has no binding.
func (v *visit) restarts() bool {
	if v.binding == nil {
		return false
	}
	return v.binding.InvalidResponse == Restart || v.binding.InvalidResponse == RestartWithContext
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
