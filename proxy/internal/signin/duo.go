package signin

import (
	"context"
	"errors"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// enrol answers the set-up of a Duo device once Duo has confirmed the device.
// An earlier answer would end the flow.
func (h *Handler) enrol(x *exchange.Exchange, vis Visit, duo flowclient.AuthenticatorDuo, answer flowclient.Answer) Outcome {
	found := h.waits.ask(x.Context(), vis.ID, h.duoNews(x, vis, duo))
	switch {
	case errors.Is(found.err, flowclient.ErrNotEnrolling):
		return h.Look(x, vis, vis.Step.Flow)
	case found.err != nil:
		x.Log().WarnContext(x.Context(), "duo: request failed", "error", found.err)
		return Outcome{Visit: vis, mistake: &page.Mistake{Name: "duo_unknown"}}
	case found.progress == progressOver:
		out := h.Open(x, vis.Back)
		out.notice = "duo_anew"
		return out
	case found.progress == progressNone:
		return Outcome{Visit: vis, notice: "duo_not_yet"}
	}
	return h.give(x, vis, answer)
}

// duoNews returns a function that asks authentik about the progress of the
// set-up.
func (h *Handler) duoNews(x *exchange.Exchange, vis Visit, duo flowclient.AuthenticatorDuo) func(context.Context) news {
	v := x.Visitor(vis.Step.Cookies)
	return func(ctx context.Context) news {
		status, err := h.Client.DuoEnrolment(ctx, v, duo)
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

// pushes reports whether an answer makes authentik wait until the user confirms
// a push.
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

// unconfirmed returns the outcome of an answer that got no response. If the
// user did not confirm a push in time, a page offers to send it again.
func unconfirmed(vis Visit, answer flowclient.Answer, err error) Outcome {
	if pushes(answer) && errors.Is(err, flowclient.ErrUnreachable) {
		return Outcome{Visit: vis.at(vis.Step), mistake: &page.Mistake{Name: "duo_unconfirmed"}}
	}
	return Outcome{Err: fault.From(err)}
}
