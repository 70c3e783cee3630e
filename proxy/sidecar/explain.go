package sidecar

import (
	"fmt"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// Explain says what the answer to a request would be, and why, as
// [proxy.Gate.Explain] does. The request is one that the other proxy makes: it
// asks for a verdict, or was passed on. gate is the gate that decides, or nil
// if the sidecar refuses the request itself.
func (s *Sidecar) Explain(r *http.Request) (e proxy.Explanation, gate *proxy.Gate) {
	r = r.Clone(r.Context())
	c := &call{sidecar: s, from: s.peers.dialect(r)}
	if c.from == nil {
		return refused(fault.NotFound, fmt.Errorf("%w: %s", errPeer, r.RemoteAddr)), nil
	}
	below, forward := s.forward(r)
	if !forward {
		own, code, err := c.passedOn(r)
		if err != nil {
			return refused(code, err), nil
		}
		return c.gate.Explain(own), c.gate
	}
	asked, code, err := c.described(r, below)
	if err != nil {
		return refused(code, err), nil
	}
	return c.explain(s.cfg.Prepare(asked)), c.gate
}

// explain explains the verdict on a described request.
func (c *call) explain(asked *http.Request) proxy.Explanation {
	e := c.gate.Explain(asked)
	if e.Decision == "pass" || e.Decision == "open" {
		for _, name := range e.Removed {
			if err := c.removable(name, c.gate.IdentityHeaders()); err != nil {
				return refused(fault.BadRequest, err)
			}
		}
	}
	e.Steps = append([]string{"the other proxy is " + c.from.name() + ", and describes the request"}, e.Steps...)
	if c.from.codes && !c.whole && e.Status != 0 && codeOf(e.Status) != e.Status {
		e.Steps = append(e.Steps, fmt.Sprintf("the other proxy gets %d instead of %d: it understands only a few", codeOf(e.Status), e.Status))
	}
	return e
}

// refused explains a refusal by the sidecar itself.
func refused(code fault.Code, cause error) proxy.Explanation {
	return proxy.Explanation{
		Decision: "refuse", Code: code, Status: fault.New(code, cause).Status, Steps: []string{cause.Error()}, Rules: []proxy.ExplainedRule{},
	}
}

// name returns the dialect's name.
func (d *dialect) name() string {
	for name, one := range dialects {
		if one == d {
			return string(name)
		}
	}
	return "unknown"
}
