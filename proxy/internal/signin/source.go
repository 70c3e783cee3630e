package signin

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/plex"
)

// A detour is a source that the visitor has chosen, while authentik does not
// know about the choice yet. The visit stays at the challenge that offered the
// source.
type detour struct {
	// Place is the index of the source in the challenge.
	Place int `json:"place"`
	// PIN is for sources of Plex.
	PIN *plex.PIN `json:"pin,omitempty"`
}

// UnmarshalJSON reads a detour. A detour that another version of the gate has
// written may be unreadable. It then counts as no source: the visit continues
// at its challenge.
func (d *detour) UnmarshalJSON(data []byte) error {
	type plain detour
	in := plain{}
	if err := json.Unmarshal(data, &in); err != nil {
		in = plain{Place: -1}
	}
	*d = detour(in)
	return nil
}

// sourceAt returns the source at an index of a challenge. A challenge that is a
// source itself has it at index 0.
func sourceAt(c flowclient.Challenge, place int) (flowclient.Source, bool) {
	switch c := c.(type) {
	case flowclient.Identification:
		if place >= 0 && place < len(c.Sources) {
			return c.Sources[place], true
		}
	case flowclient.SourcePlex:
		return flowclient.Source{Name: "Plex", Challenge: c}, place == 0
	case flowclient.Redirect:
		return flowclient.Source{Challenge: c}, place == 0 && c.Class() == flowclient.RedirectSource
	}
	return flowclient.Source{}, false
}

// source handles the choice of a source. Most sources run between the browser
// and authentik, so the gate sends nothing for them. Plex and Telegram come
// back to this page.
func (h *Handler) source(x *exchange.Exchange, vis Visit, which string) Outcome {
	place, err := strconv.Atoi(which)
	source, ok := sourceAt(vis.Step.Challenge, place)
	if err != nil || !ok {
		return Outcome{Visit: vis, mistake: &page.Mistake{Name: "source_gone"}}
	}
	vis.Detour = &detour{Place: place}
	switch c := source.Challenge.(type) {
	case flowclient.SourcePlex:
		if h.barred() {
			break
		}
		return h.beginPlex(x, vis, c)
	case flowclient.Redirect:
		if !h.barred() && strings.HasPrefix(c.Path, "/source/telegram/") {
			return h.beginSource(x, vis, c)
		}
	}
	return Outcome{Visit: vis}
}

// barred reports whether this gate accepts no sources: it demands a flow, and
// every source signs users in with its own flow.
func (h *Handler) barred() bool { return h.Flow != "" }

// beginSource follows the button of a source on the visitor's behalf.
func (h *Handler) beginSource(x *exchange.Exchange, vis Visit, to flowclient.Redirect) Outcome {
	return h.answers.once(x.Context(), vis.ID, "source "+to.Path, func() Outcome {
		x = x.Uncanceled()
		vis, instead := h.start(x, vis)
		if instead != nil {
			return *instead
		}
		step, err := h.Client.StartSource(x.Context(), x.Visitor(vis.Step.Cookies), vis.Step.Flow, to)
		switch {
		case errors.Is(err, flowclient.ErrSourceNotFound):
			return vis.mistaken("source_gone", step)
		case errors.Is(err, flowclient.ErrBrowserNeeded):
			return Outcome{Visit: vis}
		case err != nil:
			return Outcome{Err: fault.From(err)}
		}
		return h.arriveBy(x, vis, step)
	})
}

// beginPlex asks Plex for a PIN. If Plex is unreachable, the visitor is sent on
// to authentik.
func (h *Handler) beginPlex(x *exchange.Exchange, vis Visit, c flowclient.SourcePlex) Outcome {
	return h.answers.once(x.Context(), vis.ID, "plex "+c.Slug, func() Outcome {
		x = x.Uncanceled()
		pin, err := h.Plex.PIN(x.Context(), c.ClientID)
		switch {
		case errors.Is(err, plex.ErrNotAsked):
			return Outcome{Visit: vis}
		case err != nil:
			x.Log().WarnContext(x.Context(), "plex: request failed", "error", err)
			return vis.mistaken("plex_down", flowclient.Step{})
		}
		begun, instead := h.start(x, vis)
		if instead != nil {
			return *instead
		}
		next := begun.at(begun.Step)
		next.Detour = &detour{Place: vis.Detour.Place, PIN: &pin}
		return Outcome{Visit: next}
	})
}

// returned continues a visit after the visitor has come back from a source.
func (h *Handler) returned(x *exchange.Exchange, vis Visit) Outcome {
	source, _ := sourceAt(vis.Step.Challenge, vis.Detour.Place)
	c, ok := source.Challenge.(flowclient.SourcePlex)
	if !ok || vis.Detour.PIN == nil {
		vis.Detour = nil
		return Outcome{Visit: vis}
	}
	found := h.waits.ask(x.Context(), vis.ID, h.plexNews(vis, c))
	switch {
	case found.err != nil:
		x.Log().WarnContext(x.Context(), "plex: request failed", "error", found.err)
		return Outcome{Visit: vis, mistake: &page.Mistake{Name: "plex_down"}}
	case found.progress == progressOver:
		return vis.mistaken("plex_over", flowclient.Step{})
	case found.progress == progressNone:
		return Outcome{Visit: vis, notice: "plex_not_yet"}
	}
	return h.redeem(x, vis, c, found.token)
}

// plexNews returns a function that asks Plex whether the PIN was claimed.
func (h *Handler) plexNews(vis Visit, c flowclient.SourcePlex) func(context.Context) news {
	pin := *vis.Detour.PIN
	return func(ctx context.Context) news {
		token, err := h.Plex.Token(ctx, c.ClientID, pin)
		switch {
		case errors.Is(err, plex.ErrExpired):
			return news{progress: progressOver}
		case err != nil:
			return news{err: err}
		case token != "":
			return news{progress: progressDone, token: token}
		}
		return news{}
	}
}

// redeem sends Plex's token to authentik, once, and continues in the flow that
// authentik names.
func (h *Handler) redeem(x *exchange.Exchange, vis Visit, c flowclient.SourcePlex, token string) Outcome {
	return h.answers.once(x.Context(), vis.ID, "redeem", func() Outcome {
		x = x.Uncanceled()
		step, err := h.Client.RedeemPlex(x.Context(), x.Visitor(vis.Step.Cookies), vis.Step.Flow, c, token)
		switch {
		case errors.Is(err, flowclient.ErrSourceDenied):
			return vis.mistaken("plex_denied", step)
		case errors.Is(err, flowclient.ErrSourceUnreachable):
			return vis.mistaken("plex_authentik", step)
		case errors.Is(err, flowclient.ErrSourceNotFound):
			return vis.mistaken("source_gone", step)
		case err != nil:
			return Outcome{Err: fault.From(err)}
		}
		return h.arriveBy(x, vis, step)
	})
}

// mistaken returns to the challenge and says why. It keeps the cookies of the
// failed step.
func (v Visit) mistaken(sentence string, step flowclient.Step) Outcome {
	if step.Cookies != nil {
		v.Step.Cookies = step.Cookies
	}
	return Outcome{Visit: v.at(v.Step), mistake: &page.Mistake{Name: sentence}}
}

// arriveBy continues in the flow of a source, which is not the visit's first
// flow.
func (h *Handler) arriveBy(x *exchange.Exchange, vis Visit, step flowclient.Step) Outcome {
	vis.Via, step.Led = nil, nil // the visitor has chosen the flow
	out := h.Settle(x, vis.at(step))
	out.advanced = out.Err == nil
	if out.Ended() && !elsewhere(step) {
		return h.reopen(x, vis.Back)
	}
	if step.Lost {
		out.notice = noticeLost
	}
	return out
}

// Chosen returns the source that the visitor has chosen, in the form for the
// page, or nil.
func (h *Handler) Chosen(vis Visit) *page.ChosenSource {
	if vis.Detour == nil {
		return nil
	}
	source, ok := sourceAt(vis.Step.Challenge, vis.Detour.Place)
	if !ok {
		return nil
	}
	chosen := &page.ChosenSource{Name: source.Name, Challenge: source.Challenge, Barred: h.barred()}
	if c, ok := source.Challenge.(flowclient.SourcePlex); ok && vis.Detour.PIN != nil {
		chosen.Plex = plex.Page(c.ClientID, *vis.Detour.PIN)
	}
	return chosen
}

// onlySource reports whether a visit begins with nothing but one button, for a
// provider from which the visitor comes back. authentik's own interface follows
// such a button by itself. The gate does the same through authentik's authorize
// endpoint. The redirects leave nothing in the browser's history to come back
// to.
func (h *Handler) onlySource(x *exchange.Exchange, out Outcome) bool {
	if h.OIDC == nil || x.JSON() || out.Err != nil || out.Admitted != nil || !intent.Navigates(x.R) {
		return false
	}
	c, ok := out.Visit.Step.Challenge.(flowclient.Identification)
	if !ok || len(c.UserFields) > 0 || len(c.Sources) != 1 || c.PasskeyChallenge != nil || c.EnrollURL+c.RecoveryURL+c.PasswordlessURL != "" {
		return false
	}
	to, ok := c.Sources[0].Challenge.(flowclient.Redirect)
	return ok && to.Class() == flowclient.RedirectSource
}

// Offered returns a step as it is shown. A gate that demands a flow leaves out
// the button of another flow that signs in without a password. authentik would
// accept such a visitor, but the gate would not, and would ask for the name
// again.
func (h *Handler) Offered(step flowclient.Step) flowclient.Step {
	c, ok := step.Challenge.(flowclient.Identification)
	if !ok || h.Flow == "" || c.PasswordlessURL == "" {
		return step
	}
	if flow, ok := step.FlowAt(c.PasswordlessURL); ok && flow.Slug == h.Flow {
		return step
	}
	raw, err := without(c.Raw, "passwordless_url")
	if err != nil {
		return step // cannot happen: the challenge was read from it
	}
	c.PasswordlessURL, c.Raw = "", raw
	step.Challenge = c
	return step
}
