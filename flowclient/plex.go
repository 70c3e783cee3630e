package flowclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// RedeemPlex shows authentik the token that Plex gave for the visitor, in the
// session of the flow whose challenge the source was in, and goes on with the flow
// that authentik chooses for him. Getting the token is the caller's affair.
//
// ErrSourceDenied says that the source does not let this person in,
// ErrSourceUnreachable that authentik could not ask Plex about the token. On an
// error the step has no challenge, but the cookies so far.
func (c *Client) RedeemPlex(ctx context.Context, v Visitor, f Flow, s SourcePlex, token string) (Step, error) {
	w := c.walk(v, f)
	ch, err := w.redeem(ctx, s, token)
	return w.step(ch), err
}

func (w *walk) redeem(ctx context.Context, s SourcePlex, token string) (Challenge, error) {
	if !slugs.MatchString(s.Slug) {
		return nil, ErrSourceNotFound
	}
	if token == "" {
		return nil, fmt.Errorf("flowclient: redeeming a token of Plex: %w", errNoToken)
	}
	b, err := json.Marshal(map[string]string{"plex_token": token})
	if err != nil {
		return nil, fmt.Errorf("flowclient: redeeming a token of Plex: %w", errUnencodable)
	}
	return w.detour(ctx, request{
		endpoint: "sources/plex/redeem_token",
		path:     "/api/v3/sources/plex/redeem_token/?slug=" + s.Slug,
		body:     b,
	}, w.redeemed)
}

// redeemed makes of the reply a challenge or the next request.
func (w *walk) redeemed(q request, r reply) (Challenge, *request, error) {
	switch {
	case r.ended(w.c.root(w.v)):
		return w.anew(q, r)
	case !r.own():
	case r.status == http.StatusOK:
		return w.arrival(q, r)
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

// arrival reads where a source leads. It is the way on, or a page that says why
// there is none; a question here would be nobody's.
func (w *walk) arrival(q request, r reply) (Challenge, *request, error) {
	ch, err := decodeAt(r.body, w.c.root(w.v))
	if err != nil {
		return nil, nil, unexpected(q, r, errNotJSON)
	}
	switch ch.(type) {
	case Redirect, Shell, AccessDenied, FlowError:
		return w.challenge(q, r)
	default:
		return nil, nil, unexpected(q, r, errWayward)
	}
}

// denied tells a person who is not let in from a request that broke the rules: of
// these authentik speaks with the same status.
func (r reply) denied() bool {
	o, err := readObject(r.body)
	return err == nil && o.has("detail") && !strings.HasPrefix(o.text("detail"), "CSRF Failed")
}
