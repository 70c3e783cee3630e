package signin

import (
	"errors"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/copies"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// maxTyped is the maximum length of a typed name that is remembered, in bytes.
const maxTyped = 256

// begun reports whether authentik has a session for the visit. A visit whose
// challenge is a copy begins at authentik with its first answer, since
// authentik accepts an answer to a challenge that it has not sent.
func (v Visit) begun() bool { return len(v.Step.Cookies) > 0 }

// start begins a visit at authentik, for a step that needs a session there. If
// authentik no longer offers the chosen source, it returns the outcome to show
// instead.
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

// recalled handles a reply to a copy that this process does not have, since
// another process or an earlier configuration has drawn it. The present first
// challenge replaces the copy. A source or a flow belongs to the challenge that
// the visitor has seen. If that has changed, recalled shows the present one
// instead.
func (h *Handler) recalled(x *exchange.Exchange, vis Visit, said reply.Reply) Outcome {
	x = x.Uncanceled()
	typed, _ := said.Answer(flowclient.Identification{UserFields: []string{"username"}}) // h.step finds mistakes
	v := x.Visitor(h.device(x))
	step, err := h.Opening(x.Context(), v, vis.Step.Flow)
	if err != nil {
		if out, again := h.renamed(x, vis, typed, err); again {
			return out
		}
		return Outcome{Err: fault.From(err)}
	}
	asked, ok := step.Challenge.(flowclient.Identification)
	if ok && step.Flow == vis.Step.Flow && (said.Source == "" && said.Flow == "" || copies.MarkOf(step, asked) == vis.Copy) {
		vis.Copy, vis.Step, vis.copy = "", step, h.copies.Of(v, step)
		return h.step(x, vis, said)
	}
	next := vis.at(step)
	next.Copy, next.Opening, next.Name = "", step.Challenge.Component(), nameIn(typed)
	return denied(h.Settle(x, next), step)
}

func sameChallenge(a, b flowclient.Challenge) bool {
	return string(a.Common().Raw) == string(b.Common().Raw)
}

// changed reports whether authentik has treated the first answer of a visit
// that had not begun as the answer to a challenge that differs from the copy:
// the flow now has another first challenge, asks for more in it, or has
// restarted. authentik's reply is then about a challenge that the visitor has
// not seen.
func changed(vis Visit, answer flowclient.Answer, step flowclient.Step) bool {
	if vis.begun() {
		return false
	}
	switch c := step.Challenge.(type) {
	case flowclient.Identification:
		return c.Errors == nil && step.Flow == vis.Step.Flow || missing(vis, answer, c) != nil
	case flowclient.FlowError:
		return true // a stage that fails if an answer comes before it was shown
	default:
		return step.Lost
	}
}

// missing returns the mistake for a field that authentik now requires with the
// name, if the copy did not have it.
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

// afresh shows the present first challenge, in a new session at authentik, so
// that the visitor skips no challenge unseen. The typed name stays.
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

// renamed begins again if the flow of a copy no longer exists: the brand may
// name another flow now. No answer is lost, because authentik has not accepted
// any.
func (h *Handler) renamed(x *exchange.Exchange, vis Visit, answer flowclient.Answer, err error) (Outcome, bool) {
	if vis.begun() || h.Flow != "" || !errors.Is(err, flowclient.ErrFlowNotFound) {
		return Outcome{}, false
	}
	h.brands.Forget(x.Visitor(nil))
	out := h.Open(x, vis.Back)
	out.Visit.Name = nameIn(answer)
	return out, true
}

// nameIn returns the name in an answer, if it is short enough for the sealed visit.
func nameIn(answer flowclient.Answer) string {
	name := strings.TrimSpace(reply.TypedName(answer))
	if len(name) > maxTyped {
		return ""
	}
	return name
}
