package flowclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// RedeemPlex gives authentik the token that Plex has issued for the visitor, in the
// session of the flow that offered the source, and continues with the flow that
// authentik chooses. The caller gets the token from Plex.
//
// If the source does not let this person sign in, the error is ErrSourceDenied. If
// Plex did not answer authentik, it is ErrSourceUnreachable. On an error the step
// has no challenge, but the cookies so far.
func (c *Client) RedeemPlex(ctx context.Context, v Visitor, f Flow, s SourcePlex, token string) (Step, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	w := c.walk(v, f)
	ch, err := w.redeem(ctx, s, token)
	return w.step(ch), err
}

func (w *walk) redeem(ctx context.Context, s SourcePlex, token string) (Challenge, error) {
	if !slugs.MatchString(s.Slug) {
		return nil, ErrSourceNotFound
	}
	if token == "" {
		return nil, fmt.Errorf("flowclient: redeeming a Plex token: %w", errNoToken)
	}
	b, err := json.Marshal(map[string]string{"plex_token": token})
	if err != nil {
		return nil, fmt.Errorf("flowclient: redeeming a Plex token: %w", errUnencodable)
	}
	return w.viaSource(ctx, request{
		endpoint: "sources/plex/redeem_token",
		path:     "/api/v3/sources/plex/redeem_token/?slug=" + s.Slug,
		body:     b,
		limit:    maxChallenge,
	}, w.readRedeemed)
}

// readRedeemed returns the challenge in the reply, or the next request.
func (w *walk) readRedeemed(q request, r reply) (Challenge, *request, error) {
	switch {
	case r.sessionEnded(w.c.root(w.v)):
		return w.restart(q, r)
	case !r.fromAuthentik():
	case r.status == http.StatusOK:
		return w.sourceResult(q, r)
	case r.status == http.StatusNotFound:
		return nil, nil, ErrSourceNotFound
	case r.status == http.StatusForbidden && r.denied():
		return nil, nil, ErrSourceDenied
	case r.status == http.StatusMethodNotAllowed && len(r.body) == 0:
		return nil, nil, ErrSourceUnreachable
	case r.status == http.StatusBadRequest:
		return nil, nil, unexpected(q, r, errNoToken)
	}
	return nil, nil, unexpected(q, r, nil)
}

// sourceResult reads the result of a source: a redirect, or a page that says
// why the sign-in failed. There cannot be a question, since it would belong to
// no flow.
func (w *walk) sourceResult(q request, r reply) (Challenge, *request, error) {
	ch, err := DecodeAt(r.body, w.c.root(w.v))
	if err != nil {
		return nil, nil, unexpected(q, r, errNotJSON)
	}
	switch ch.(type) {
	case Redirect, Shell, AccessDenied, FlowError:
		return w.challenge(q, r)
	default:
		return nil, nil, unexpected(q, r, errNoTarget)
	}
}

// denied reports whether a 403 refuses the user, and not the request because of
// its CSRF token.
func (r reply) denied() bool {
	o, err := readObject(r.body)
	return err == nil && o.has("detail") && !strings.HasPrefix(o.text("detail"), "CSRF Failed")
}
