package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// maxTyped is the length of a typed name that is remembered, in bytes.
const maxTyped = 256

// begun reports whether authentik knows of the visit. One that was drawn from a copy begins with
// its first answer, which authentik takes without having asked.
func (v visit) begun() bool { return len(v.Step.Cookies) > 0 }

// start begins a visit that has not begun, where something is wanted of it that
// authentik must know it for. It returns what comes instead where authentik offers the
// chosen source no longer.
func (g *Gate) start(ctx context.Context, r *http.Request, at Resolved, vis visit) (visit, *outcome) {
	if vis.begun() {
		return vis, nil
	}
	step, err := g.cfg.Client.Ask(ctx, g.visitor(r, at, g.device(r, at)), vis.Step.Flow)
	if err != nil {
		return vis, &outcome{err: fault.From(err)}
	}
	drawn, _ := sourceAt(vis.Step.Challenge, vis.Detour.Place)
	offered, ok := sourceAt(step.Challenge, vis.Detour.Place)
	if !ok || offered.Name != drawn.Name || !sameChallenge(offered.Challenge, drawn.Challenge) {
		out := g.settle(ctx, r, at, vis.at(step))
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
func changed(vis visit, answer flowclient.Answer, step flowclient.Step) bool {
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
func missing(vis visit, answer flowclient.Answer, asked flowclient.Identification) *page.Mistake {
	drawn, _ := vis.Step.Challenge.(flowclient.Identification)
	switch {
	case asked.PasswordFields && !drawn.PasswordFields && !says(answer, "password"):
		return &page.Mistake{Field: "password", Name: "enter_password"}
	case asked.CaptchaStage != nil && drawn.CaptchaStage == nil && !says(answer, "captcha_token"):
		return &page.Mistake{Field: "captcha_token", Name: "captcha_missing"}
	default:
		return nil
	}
}

// afresh draws what authentik asks by now, in a session that nothing has been answered in, so
// that nobody skips a question without having seen it. What had been typed stays.
func (g *Gate) afresh(ctx context.Context, r *http.Request, at Resolved, vis visit, answer flowclient.Answer, reply flowclient.Step) outcome {
	step, err := g.cfg.Client.Ask(ctx, g.visitor(r, at, g.device(r, at)), vis.Step.Flow)
	if err != nil {
		return outcome{err: fault.From(err)}
	}
	next := vis.at(step)
	next.Name, next.Opening = nameIn(answer), step.Challenge.Component()
	out := g.settle(ctx, r, at, next)
	if c, ok := step.Challenge.(flowclient.Identification); ok && reply.Challenge.Common().Errors != nil {
		out.mistake = missing(vis, answer, c)
	}
	return denied(out, step)
}

// renamed begins again where the flow of a copy is gone and the brand may name another. Nothing has been
// lost: authentik has heard of no answer.
func (g *Gate) renamed(r *http.Request, at Resolved, vis visit, answer flowclient.Answer, err error) (outcome, bool) {
	if vis.begun() || g.cfg.Flow != "" || !errors.Is(err, flowclient.ErrFlowNotFound) {
		return outcome{}, false
	}
	g.brands.forget(g.visitor(r, at, nil))
	out := g.open(r, at, vis.Back)
	out.visit.Name = nameIn(answer)
	return out, true
}

// nameIn is the name in an answer, short enough to be remembered in a page.
func nameIn(answer flowclient.Answer) string {
	name := strings.TrimSpace(typedName(answer))
	if len(name) > maxTyped {
		return ""
	}
	return name
}

// says reports whether an answer has a field.
func says(answer flowclient.Answer, field string) bool { return len(fieldsOf(answer)[field]) > 0 }
