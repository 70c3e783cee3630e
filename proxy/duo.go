package proxy

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// enrol answers for a Duo device, once Duo knows of it. An answer that came too
// early would end the flow.
func (g *Gate) enrol(r *http.Request, at Resolved, vis visit, duo flowclient.AuthenticatorDuo, answer flowclient.Answer) outcome {
	heard := g.waits.ask(r.Context(), vis.ID, g.duoNews(r, at, vis, duo))
	switch {
	case errors.Is(heard.err, flowclient.ErrNotEnrolling):
		return g.look(r, at, vis, vis.Step.Flow)
	case heard.err != nil:
		g.log(at).WarnContext(r.Context(), "Duo could not be asked", "error", heard.err)
		return outcome{visit: vis, mistake: &page.Mistake{Name: "duo_unknown"}}
	case heard.progress == progressOver:
		out := g.open(r, at, vis.Back)
		out.notice = "duo_anew"
		return out
	case heard.progress == progressNone:
		return outcome{visit: vis, notice: "duo_not_yet"}
	}
	return g.give(r, at, vis, answer)
}

// duoNews returns a function that asks authentik how far the set-up is.
func (g *Gate) duoNews(r *http.Request, at Resolved, vis visit, duo flowclient.AuthenticatorDuo) func(context.Context) news {
	v := g.visitor(r, at, vis.Step.Cookies)
	return func(ctx context.Context) news {
		status, err := g.cfg.Client.DuoEnrolment(ctx, v, duo)
		switch {
		case err != nil:
			return news{err: err}
		case status == flowclient.DuoSuccess:
			return news{progress: progressDone}
		case status == flowclient.DuoInvalid:
			return news{progress: progressOver}
		}
		return news{}
	}
}

// pushes reports whether an answer has authentik wait for a person with a telephone.
func pushes(answer flowclient.Answer) bool {
	switch a := answer.(type) {
	case flowclient.ValidateDuoAnswer:
		return a.UID != ""
	case flowclient.RawAnswer:
		return a.Name == flowclient.ComponentAuthenticatorValidate && a.Fields["duo"] != nil
	default:
		return false
	}
}

// unconfirmed is what comes of an answer that got none. A push that nobody has
// confirmed in time is the visitor's to send again, from a page of its own.
func unconfirmed(vis visit, answer flowclient.Answer, err error) outcome {
	if pushes(answer) && errors.Is(err, flowclient.ErrUnreachable) {
		return outcome{visit: vis.at(vis.Step), mistake: &page.Mistake{Name: "duo_unconfirmed"}}
	}
	return outcome{err: fault.From(err)}
}
