package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// A detour is a source that the visitor has chosen, and authentik has not heard
// of yet. The question stays the one that it was chosen on.
type detour struct {
	// Place is the source's among the question's.
	Place int `json:"place"`
	// PIN is for sources of Plex.
	PIN *PlexPIN `json:"pin,omitempty"`
}

// UnmarshalJSON takes what another version of the gate has written, and this one cannot
// read, for a source that is not there: the visit goes on from its question.
func (d *detour) UnmarshalJSON(data []byte) error {
	type plain detour
	in := plain{}
	if err := json.Unmarshal(data, &in); err != nil {
		in = plain{Place: -1}
	}
	*d = detour(in)
	return nil
}

// sourceAt returns the source of a question at a place. A question that is a source
// itself has it at the first.
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

// source takes the choice of a source. Most run between the browser and authentik, so
// nothing is sent for them; Plex and Telegram come back to this page.
func (g *Gate) source(r *http.Request, at Resolved, vis visit, which string) outcome {
	place, err := strconv.Atoi(which)
	source, ok := sourceAt(vis.Step.Challenge, place)
	if err != nil || !ok {
		return outcome{visit: vis, mistake: &page.Mistake{Name: "source_gone"}}
	}
	vis.Detour = &detour{Place: place}
	switch c := source.Challenge.(type) {
	case flowclient.SourcePlex:
		if g.barred() {
			break
		}
		return g.beginPlex(r, at, vis, c)
	case flowclient.Redirect:
		if !g.barred() && strings.HasPrefix(c.Path, "/source/telegram/") {
			return g.beginSource(r, at, vis, c)
		}
	}
	return outcome{visit: vis}
}

// barred reports whether no source counts at this gate: it names the flow by which its
// sessions are won, and every source leads to a flow of its own.
func (g *Gate) barred() bool { return g.cfg.Flow != "" }

// beginSource goes where a source's button leads, in the visitor's name.
func (g *Gate) beginSource(r *http.Request, at Resolved, vis visit, to flowclient.Redirect) outcome {
	return g.answers.once(vis.ID, "source "+to.Path, func() outcome {
		ctx := context.WithoutCancel(r.Context())
		vis, instead := g.start(ctx, r, at, vis)
		if instead != nil {
			return *instead
		}
		step, err := g.cfg.Client.StartSource(ctx, g.visitor(r, at, vis.Step.Cookies), vis.Step.Flow, to)
		switch {
		case errors.Is(err, flowclient.ErrSourceNotFound):
			return vis.mistaken("source_gone", step)
		case errors.Is(err, flowclient.ErrBrowserNeeded):
			return outcome{visit: vis}
		case err != nil:
			return outcome{err: fault.From(err)}
		}
		return g.arrive(ctx, r, at, vis, step)
	})
}

// beginPlex has Plex make a PIN. Without Plex the visitor is sent on to authentik.
func (g *Gate) beginPlex(r *http.Request, at Resolved, vis visit, c flowclient.SourcePlex) outcome {
	return g.answers.once(vis.ID, "plex "+c.Slug, func() outcome {
		ctx := context.WithoutCancel(r.Context())
		pin, err := g.cfg.Plex.PIN(ctx, c.ClientID)
		switch {
		case errors.Is(err, ErrNoPlex):
			return outcome{visit: vis}
		case err != nil:
			g.log(at).WarnContext(r.Context(), "Plex could not be asked", "error", err)
			return vis.mistaken("plex_down", flowclient.Step{})
		}
		begun, instead := g.start(ctx, r, at, vis)
		if instead != nil {
			return *instead
		}
		next := begun.at(begun.Step)
		next.Detour = &detour{Place: vis.Detour.Place, PIN: &pin}
		return outcome{visit: next}
	})
}

// returned goes on from a source once the visitor is back from it.
func (g *Gate) returned(r *http.Request, at Resolved, vis visit) outcome {
	source, _ := sourceAt(vis.Step.Challenge, vis.Detour.Place)
	plex, ok := source.Challenge.(flowclient.SourcePlex)
	if !ok || vis.Detour.PIN == nil {
		vis.Detour = nil
		return outcome{visit: vis}
	}
	heard := g.waits.ask(r.Context(), vis.ID, g.plexNews(vis, plex))
	switch {
	case heard.err != nil:
		g.log(at).WarnContext(r.Context(), "Plex could not be asked", "error", heard.err)
		return outcome{visit: vis, mistake: &page.Mistake{Name: "plex_down"}}
	case heard.progress == progressOver:
		return vis.mistaken("plex_over", flowclient.Step{})
	case heard.progress == progressNone:
		return outcome{visit: vis, notice: "plex_not_yet"}
	}
	return g.redeem(r, at, vis, plex, heard.token)
}

// plexNews returns a function that asks Plex whether the PIN has been claimed.
func (g *Gate) plexNews(vis visit, plex flowclient.SourcePlex) func(context.Context) news {
	pin := *vis.Detour.PIN
	return func(ctx context.Context) news {
		token, err := g.cfg.Plex.Token(ctx, plex.ClientID, pin)
		switch {
		case errors.Is(err, ErrPlexOver):
			return news{progress: progressOver}
		case err != nil:
			return news{err: err}
		case token != "":
			return news{progress: progressDone, token: token}
		}
		return news{}
	}
}

// redeem shows authentik the token of Plex, once, and goes on where it says.
func (g *Gate) redeem(r *http.Request, at Resolved, vis visit, plex flowclient.SourcePlex, token string) outcome {
	return g.answers.once(vis.ID, "redeem", func() outcome {
		ctx := context.WithoutCancel(r.Context())
		step, err := g.cfg.Client.RedeemPlex(ctx, g.visitor(r, at, vis.Step.Cookies), vis.Step.Flow, plex, token)
		switch {
		case errors.Is(err, flowclient.ErrSourceDenied):
			return vis.mistaken("plex_denied", step)
		case errors.Is(err, flowclient.ErrSourceUnreachable):
			return vis.mistaken("plex_authentik", step)
		case errors.Is(err, flowclient.ErrSourceNotFound):
			return vis.mistaken("source_gone", step)
		case err != nil:
			return outcome{err: fault.From(err)}
		}
		return g.arrive(ctx, r, at, vis, step)
	})
}

// mistaken goes back to the question and says why. The step is one that came to
// nothing; its cookies count all the same.
func (v visit) mistaken(sentence string, step flowclient.Step) outcome {
	if step.Cookies != nil {
		v.Step.Cookies = step.Cookies
	}
	return outcome{visit: v.at(v.Step), mistake: &page.Mistake{Name: sentence}}
}

// arrive goes on in the flow that a source has led to. It is not the one that the visit
// began with.
func (g *Gate) arrive(ctx context.Context, r *http.Request, at Resolved, vis visit, step flowclient.Step) outcome {
	vis.Aside = true
	out := g.settle(ctx, r, at, vis.at(step))
	out.advanced = out.err == nil
	if out.nobody() && !elsewhere(step) {
		return g.reopen(r, at, vis.Back)
	}
	if step.Lost {
		out.notice = noticeLost
	}
	return out
}

// chosen is what the page shows of a detour; nil where there is none.
func (g *Gate) chosen(vis visit) *page.ChosenSource {
	if vis.Detour == nil {
		return nil
	}
	source, ok := sourceAt(vis.Step.Challenge, vis.Detour.Place)
	if !ok {
		return nil
	}
	chosen := &page.ChosenSource{Name: source.Name, Challenge: source.Challenge, Barred: g.barred()}
	if plex, ok := source.Challenge.(flowclient.SourcePlex); ok && vis.Detour.PIN != nil {
		chosen.Plex = plexPage(plex.ClientID, *vis.Detour.PIN)
	}
	return chosen
}
