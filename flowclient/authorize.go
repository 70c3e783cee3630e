package flowclient

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Authorize asks for an authorization code in the visitor's name (OpenID Connect Core
// 1.0, 3.1.2), with the parameters that the client of authentik's provider has chosen. It ends with a question
// of the authentication or the authorization flow, or with a Redirect of class RedirectExternal:
// to the client's redirect URI, with a code or an error in its query, and nobody has
// fetched it. Where a flow has ended with a redirect to the authorize endpoint, or with its next lost, asking again
// with the same parameters goes on.
//
// ErrDenied is authentik's word that this user may not use the application. ErrClientUnknown and ErrRedirectRefused
// say that the parameters do not fit what is registered. On an error the step has no challenge, but the cookies so far.
func (c *Client) Authorize(ctx context.Context, v Visitor, parameters url.Values) (Step, error) {
	w := c.walk(v, Flow{})
	ch, err := w.authorize(ctx, parameters.Encode())
	return w.step(ch), err
}

// authorizePath is where clients of OpenID Connect send browsers.
const authorizePath = "/application/o/authorize/"

func (w *walk) authorize(ctx context.Context, query string) (Challenge, error) {
	q := request{endpoint: "authorize", path: authorizePath + "?" + query}
	for range maxHops {
		r, err := w.send(ctx, q)
		if err != nil {
			return nil, err
		}
		rd, err := w.authorized(ctx, q, r)
		if err != nil {
			return nil, err
		}
		switch rd.Class() {
		case RedirectFlow:
			w.flow, _ = rd.Flow()
			w.first = w.flow
			return w.run(ctx, w.ask())
		case RedirectDefaultFlow:
			q = request{endpoint: "flows/default", path: rd.Path}
		case RedirectExternal:
			return rd, nil
		default:
			return nil, unexpected(q, r, errWayward)
		}
	}
	return nil, ErrTooManySteps
}

// authorized reads where the endpoint leads, or which of its pages it answers with.
func (w *walk) authorized(ctx context.Context, q request, r reply) (Redirect, error) {
	switch {
	case r.status == http.StatusFound:
		rd, err := redirectTo(r.header.Get("Location"), w.c.root(w.v))
		if err != nil {
			return Redirect{}, unexpected(q, r, errWayward)
		}
		return rd, nil
	case !r.own():
	case r.status == http.StatusOK && strings.HasPrefix(r.header.Get("Content-Type"), "text/html"):
		return Redirect{}, ErrDenied
	case r.status == http.StatusBadRequest:
		return Redirect{}, w.rejected(ctx, q, r)
	case r.status == http.StatusNotFound:
		return Redirect{}, ErrFlowNotFound
	}
	return Redirect{}, unexpected(q, r, nil)
}

// rejected finds out which parameter authentik dislikes. It says so in a heading alone, and in the
// visitor's language; so it is asked once more, by nobody, in English.
func (w *walk) rejected(ctx context.Context, q request, r reply) error {
	nobody := w.v
	nobody.Cookies, nobody.Language = nil, "en"
	again, err := w.c.exchange(ctx, nobody, q)
	if err != nil {
		return err
	}
	switch text := string(again.body); {
	case strings.Contains(text, "Redirect URI Error"):
		return ErrRedirectRefused
	case strings.Contains(text, "Client ID Error"):
		return ErrClientUnknown
	default:
		return unexpected(q, r, nil)
	}
}
