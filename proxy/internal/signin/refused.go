package signin

import (
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// moved reports whether authentik has moved from one step to the next.
func moved(from, to flowclient.Step) bool {
	return from.Flow != to.Flow || !repeated(from, to) || to.Challenge.Common().Errors == nil
}

// repeated reports whether a step asks the same as the one before it. If the
// step before is not known, it counts as the same.
func repeated(from, to flowclient.Step) bool {
	return from.Challenge == nil || from.Challenge.Component() == to.Challenge.Component()
}

// Refused reports whether authentik has refused a proof that was given at the
// visit's step. It decides for forms, for programs and for authentik's own
// interface, where the step's challenge is not known.
//
// A refusal need not have an error. After a wrong answer a flow can restart
// without one, and after the last attempt it denies access instead. The query
// of a flow is ignored, since a browser can choose it.
func (v Visit) Refused(answer flowclient.Answer, next flowclient.Step) bool {
	component := next.Challenge.Component()
	within, prompt := next.Flow.Slug == v.Step.Flow.Slug, answer.Component() == flowclient.ComponentPrompt
	switch {
	case next.Lost:
		return misread(answer, component)
	case component == flowclient.ComponentPrompt && next.Challenge.Common().Errors != nil:
		return false // a new password, for example, does not prove who the visitor is
	case !moved(v.Step, next), component == v.Opening && next.Flow.Slug == v.First.Slug:
		return true
	case component == flowclient.ComponentIdentification:
		return within || !prompt // a flow for enrollment may lead to one for the sign-in
	case within && v.Step.Challenge != nil && repeated(v.Step, next):
		return !prompt // one form may follow another
	}
	switch next.Challenge.(type) {
	case flowclient.AccessDenied, flowclient.FlowError, flowclient.Shell:
		return true
	default:
		return false
	}
}

// misread reports whether authentik has read a proof in an answer to a
// challenge that is not its present one. A challenge ignores forms that were
// not made for it, except for fields of the same name.
func misread(answer flowclient.Answer, at flowclient.Component) bool {
	_, raw := answer.(flowclient.RawAnswer)
	switch {
	case raw, answer.Component() == flowclient.ComponentPrompt:
		return true
	case at == flowclient.ComponentPassword:
		return reply.Has(answer, "password")
	case at == flowclient.ComponentAuthenticatorValidate:
		return reply.Has(answer, "code")
	default:
		return false
	}
}

// retryable recognizes an answer after which authentik ends the visit with its
// own page or an error, although a message in the form would be enough: a wrong
// device code, or a push while Duo is unreachable. The plan of the flow still
// exists, so the visitor can also choose another device.
func retryable(answer flowclient.Answer, step flowclient.Step) (*page.Mistake, bool) {
	switch step.Challenge.(type) {
	case flowclient.Shell:
		return &page.Mistake{Field: "code", Name: "device_code_wrong"}, answer.Component() == flowclient.ComponentDeviceCode
	case flowclient.FlowError:
		return &page.Mistake{Name: "duo_unknown"}, pushes(answer)
	default:
		return nil, false
	}
}

// retry asks for the challenge once more. If it is the same again, retry adds
// what was wrong with the last answer.
func (h *Handler) retry(x *exchange.Exchange, vis Visit, cookies flowclient.Cookies, wrong *page.Mistake) Outcome {
	asked := vis.Step.Challenge.Component()
	vis.Step.Cookies = cookies
	out := h.Look(x, vis, vis.Step.Flow)
	if out.Err == nil && out.Admitted == nil && out.Visit.Step.Challenge.Component() == asked {
		out.mistake = wrong
	}
	return out
}
