package authentiktest

import (
	"errors"
	"time"
)

// An EndpointAgentStage asks the agent on the visitor's device, through a
// browser extension, to prove which device it is.
type EndpointAgentStage struct {
	// Required refuses visitors without an agent.
	Required bool

	// Verify reports whether a response is from an agent. Default: none is.
	Verify func(response string) bool
}

const invalidAgent = "Invalid challenge response"

var errAgent = errors.New("the connector has no challenge key in this release")

func (s *EndpointAgentStage) get(v *visit) (*response, error) {
	if !v.srv.dialect.agents {
		return nil, errAgent
	}
	return v.ask(s.challenge(v))
}

func (s *EndpointAgentStage) challenge(v *visit) object {
	c := v.challenge("ak-stage-endpoint-agent")
	c["challenge"] = s.token(v)
	c["challenge_idle_timeout"] = 5
	return c
}

// token is the challenge that the agent signs.
func (s *EndpointAgentStage) token(v *visit) string {
	now := v.srv.now()
	return v.srv.ring.key(rs256, now).sign("JWT", object{
		"atc": random(40), "iss": v.srv.keyOf(s), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"goauthentik.io/device/check_in": false,
	})
}

// post lets everyone pass if the agent is optional. If it is required, the
// answer that there is no agent ends the flow.
func (s *EndpointAgentStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	answer, ok := f.text("response", rule{optional: true, null: true})
	switch {
	case !s.Required:
		return v.solved()
	case !f.failed() && !ok:
		return v.deny(invalidAgent)
	case ok && (s.Verify == nil || !s.Verify(answer)):
		f.wrong("response", invalidAgent, "invalid")
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	return v.solved()
}
