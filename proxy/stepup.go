package proxy

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// openAgain begins a visit of somebody who is signed in, and has to sign in again as the application demands: with a
// second factor, or lately. authentik asks in the session that the gate holds, and what came of it is checked when it
// has ended. Where that session is over, asking to sign in again would have the visitor do so twice.
func (g *Gate) openAgain(r *http.Request, at Resolved, back string, s *Session) outcome {
	ctx := context.WithoutCancel(r.Context())
	rec, err := g.recordOf(r, at, s)
	switch {
	case err != nil:
		return outcome{err: fault.From(err)}
	case rec == nil:
		return g.open(r, at, back)
	}
	v := g.visitor(r, at, rec.Cookies)
	switch _, err := g.cfg.Client.User(ctx, v); {
	case errors.Is(err, errNobody):
		return g.open(r, at, back)
	case err != nil:
		return outcome{err: fault.From(err)}
	}
	request := g.request(at).anew(rec.SignIn, g.cfg.Now())
	return g.commence(ctx, r, at, visit{Begun: g.cfg.Now(), Back: back, Request: &request}, v)
}

// recordOf reads the record of a session that a request has. There is none where the session has just ended in another process,
// or by way of another gate, and this one has not heard of it yet.
func (g *Gate) recordOf(r *http.Request, at Resolved, s *Session) (*record, error) {
	value, ok := g.cookieOf(r, at, s)
	browser, fine := seal.ParseSecret(value)
	if !ok || !fine {
		return nil, nil
	}
	rec, _, _, err := g.sessions.read(r.Context(), browser, at)
	return rec, err
}

// commence has authentik ask the first question of a visit.
func (g *Gate) commence(ctx context.Context, r *http.Request, at Resolved, vis visit, v flowclient.Visitor) outcome {
	vis, err := g.way.begin(ctx, v, vis)
	if err != nil {
		return outcome{err: fault.From(err)}
	}
	return denied(g.settle(ctx, r, at, vis), vis.Step)
}
