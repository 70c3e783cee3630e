package signin

import (
	"errors"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// maxTyped is the length of a typed name that is remembered, in bytes.
const maxTyped = 256

// begun reports whether authentik knows of the visit. One that was drawn from a copy begins with
// its first answer, which authentik takes without having asked.
func (v Visit) begun() bool { return len(v.Step.Cookies) > 0 }

// start begins a visit that has not begun, where something is wanted of it that
// authentik must know it for. It returns what comes instead where authentik offers the
// chosen source no longer.
func (h *Handler) start(x *exchange.Exchange, vis Visit) (Visit, *Outcome) {
	if vis.begun() {
		return vis, nil
	}
	step, err := h.Client.Ask(x.Context(), x.Visitor(h.device(x)), vis.Step.Flow)
	if err != nil {
		return vis, &Outcome{Err: fault.From(err)}
	}
	drawn, _ := sourceAt(vis.Step.Challenge, vis.Detour.Place)
	offered, ok := sourceAt(step.Challenge, vis.Detour.Place)
	if !ok || offered.Name != drawn.Name || !sameChallenge(offered.Challenge, drawn.Challenge) {
		out := h.Settle(x, vis.at(step))
		out.mistake = &page.Mistake{Name: "source_gone"}
		return vis, &out
	}
	vis.Step = step
	return vis, nil
}

func sameChallenge(a, b flowclient.Challenge) bool {
	return string(a.Common().Raw) == string(b.Common().Raw)
}

// changed reports whether authentik has taken the first answer of a visit that had not begun for
// the answer to something else than was drawn: the flow has another first question by now, asks for
// more with this one, or has begun again. Its reply then belongs to nothing the visitor has seen.
func changed(vis Visit, answer flowclient.Answer, step flowclient.Step) bool {
	if vis.begun() {
		return false
	}
	switch c := step.Challenge.(type) {
	case flowclient.Identification:
		return c.Errors == nil && step.Flow == vis.Step.Flow || missing(vis, answer, c) != nil
	case flowclient.FlowError:
		return true // a question that wants to be asked before it is answered
	default:
		return step.Lost
	}
}

// missing is what the form that was drawn did not ask for, and authentik wants with the name.
func missing(vis Visit, answer flowclient.Answer, asked flowclient.Identification) *page.Mistake {
	drawn, _ := vis.Step.Challenge.(flowclient.Identification)
	switch {
	case asked.PasswordFields && !drawn.PasswordFields && !reply.Has(answer, "password"):
		return &page.Mistake{Field: "password", Name: "enter_password"}
	case asked.CaptchaStage != nil && drawn.CaptchaStage == nil && !reply.Has(answer, "captcha_token"):
		return &page.Mistake{Field: "captcha_token", Name: "captcha_missing"}
	default:
		return nil
	}
}

// afresh draws what authentik asks by now, in a session that nothing has been answered in, so
// that nobody skips a question without having seen it. What had been typed stays.
func (h *Handler) afresh(x *exchange.Exchange, vis Visit, answer flowclient.Answer, said flowclient.Step) Outcome {
	step, err := h.Client.Ask(x.Context(), x.Visitor(h.device(x)), vis.Step.Flow)
	if err != nil {
		return Outcome{Err: fault.From(err)}
	}
	next := vis.at(step)
	next.Name, next.Opening = nameIn(answer), step.Challenge.Component()
	out := h.Settle(x, next)
	if c, ok := step.Challenge.(flowclient.Identification); ok && said.Challenge.Common().Errors != nil {
		out.mistake = missing(vis, answer, c)
	}
	return denied(out, step)
}

// renamed begins again where the flow of a copy is gone and the brand may name another. Nothing has been
// lost: authentik has heard of no answer.
func (h *Handler) renamed(x *exchange.Exchange, vis Visit, answer flowclient.Answer, err error) (Outcome, bool) {
	if vis.begun() || h.Flow != "" || !errors.Is(err, flowclient.ErrFlowNotFound) {
		return Outcome{}, false
	}
	h.brands.forget(x.Visitor(nil))
	out := h.Open(x, vis.Back)
	out.Visit.Name = nameIn(answer)
	return out, true
}

// nameIn is the name in an answer, short enough to be remembered in a page.
func nameIn(answer flowclient.Answer) string {
	name := strings.TrimSpace(reply.TypedName(answer))
	if len(name) > maxTyped {
		return ""
	}
	return name
}
