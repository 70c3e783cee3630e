package flowclient

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// sourceStarts are the views where a way to a source begins. The views where it
// ends are not among them: an address that leads there was not meant for the
// client, but for the browser that a provider sent back.
var sourceStarts = regexp.MustCompile(
	`^/source/(oauth/login/[-a-zA-Z0-9_]+|saml/[-a-zA-Z0-9_]+|kerberos/[-a-zA-Z0-9_]+|telegram/[-a-zA-Z0-9_]+/start)/$`)

// StartSource asks authentik in the visitor's name what a redirect of class
// RedirectSource leads to. That is a question where authentik has a flow of its own
// before the provider, or a Redirect of class RedirectExternal to the provider,
// for the visitor's browser. The provider sends the browser back to a view of
// authentik at the host that the visitor was said to ask, and that view wants these
// cookies.
//
// The flow is the one the redirect came from, and where to begin anew if authentik
// has forgotten it. What its Query said of next is lost on most ways through a
// source, so callers must remember where the visitor wanted to go.
//
// ErrBrowserNeeded says that only the browser itself can go there. On an error the
// step has no challenge, but the cookies so far.
func (c *Client) StartSource(ctx context.Context, v Visitor, f Flow, rd Redirect) (Step, error) {
	w := c.walk(v, f)
	ch, err := w.start(ctx, rd)
	return w.step(ch), err
}

func (w *walk) start(ctx context.Context, rd Redirect) (Challenge, error) {
	at, _ := below(w.c.root(w.v), rd.To)
	path, _, _ := strings.Cut(at, "?")
	if !sourceStarts.MatchString(path) {
		return nil, ErrSourceNotFound
	}
	return w.detour(ctx, request{endpoint: "source", path: at}, w.started)
}

// started makes of the reply a challenge or the next request.
func (w *walk) started(q request, r reply) (Challenge, *request, error) {
	switch {
	case r.ended(w.c.root(w.v)):
		return w.anew(q, r)
	case !r.own():
	case r.status == http.StatusFound:
		return w.sentTo(q, r)
	case r.status == http.StatusNotFound:
		return nil, nil, ErrSourceNotFound
	case r.status == http.StatusUnauthorized:
		return nil, nil, ErrBrowserNeeded
	}
	return nil, nil, unexpected(q, r, nil)
}

// sentTo goes on where that is authentik's, and leaves the rest to the browser.
func (w *walk) sentTo(q request, r reply) (Challenge, *request, error) {
	to := r.header.Get("Location")
	rd, err := redirectTo(to, w.c.root(w.v))
	if err != nil {
		return nil, nil, unexpected(q, r, errWayward)
	}
	switch rd.Class() {
	case RedirectFlow:
		return nil, w.follow(rd), nil
	case RedirectSource:
		return nil, nil, ErrBrowserNeeded
	case RedirectExternal:
		return rd, nil, nil
	default:
		return nil, nil, unexpected(q, r, errWayward)
	}
}

// redirectTo makes a challenge of a Location, by way of JSON: only a challenge that
// was decoded can be kept with its step.
func redirectTo(to, root string) (Redirect, error) {
	raw, err := json.Marshal(map[string]string{"component": string(ComponentRedirect), "to": to})
	if err != nil {
		return Redirect{}, err
	}
	ch, err := decodeAt(raw, root)
	if err != nil {
		return Redirect{}, err
	}
	rd, ok := ch.(Redirect)
	if !ok {
		return Redirect{}, errWayward
	}
	return rd, nil
}
