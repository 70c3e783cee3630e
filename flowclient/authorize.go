package flowclient

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Authorize asks for an authorization code on the visitor's behalf (OpenID
// Connect Core 1.0, section 3.1.2), with the parameters that an OpenID Connect
// client has chosen. The result is a question of the authentication or
// authorization flow, or a Redirect of class RedirectExternal: to the client's
// redirect URI, with a code or an error in its query. That redirect has not
// been fetched. If a flow then ends with a redirect to the authorize endpoint,
// or no longer knows where to lead, call Authorize again with the same
// parameters.
//
// If the user may not use the application, the error is ErrDenied. If the
// parameters do not match what is registered, it is ErrClientUnknown or
// ErrRedirectRefused. On an error the step has no challenge, but the cookies so
// far.
func (c *Client) Authorize(ctx context.Context, v Visitor, parameters url.Values) (Step, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	w := c.walk(v, Flow{})
	ch, err := w.authorize(ctx, parameters)
	return w.step(ch), err
}

// authorizePath is the endpoint that OpenID Connect clients send browsers to.
const authorizePath = "/application/o/authorize/"

func (w *walk) authorize(ctx context.Context, parameters url.Values) (Challenge, error) {
	q := request{endpoint: "authorize", path: authorizePath + "?" + parameters.Encode(), limit: maxPage}
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
			q = request{endpoint: "flows/default", path: rd.Path, limit: maxPage}
		case RedirectExternal:
			if !answers(rd.To, parameters.Get("redirect_uri")) { // such as a proxy's page about maintenance
				return nil, unexpected(q, r, errNoTarget)
			}
			return rd, nil
		default:
			return nil, unexpected(q, r, errNoTarget)
		}
	}
	return nil, ErrTooManySteps
}

// answers reports whether an address is that of a redirect URI with an answer.
func answers(to, redirect string) bool {
	to, _, _ = strings.Cut(to, "?")
	redirect, _, _ = strings.Cut(redirect, "?")
	return to == redirect
}

// authorized returns the redirect that the endpoint answers with, or the error that
// its page means.
func (w *walk) authorized(ctx context.Context, q request, r reply) (Redirect, error) {
	switch {
	case r.status == http.StatusFound:
		rd, err := redirectTo(r.header.Get("Location"), w.c.root(w.v))
		if err != nil {
			return Redirect{}, unexpected(q, r, errNoTarget)
		}
		return rd, nil
	case !r.fromAuthentik():
	case r.status == http.StatusOK && strings.HasPrefix(r.header.Get("Content-Type"), "text/html"):
		return Redirect{}, ErrDenied
	case r.status == http.StatusBadRequest:
		return Redirect{}, w.rejected(ctx, q, r)
	case r.status == http.StatusNotFound:
		return Redirect{}, ErrFlowNotFound
	}
	return Redirect{}, unexpected(q, r, nil)
}

// rejected finds out which parameter authentik rejects. Only the heading of the page
// says so, in the visitor's language, so the client asks again in English and
// without cookies.
func (w *walk) rejected(ctx context.Context, q request, r reply) error {
	anonymous := w.v
	anonymous.Cookies, anonymous.Language = nil, "en"
	again, err := w.c.exchange(ctx, anonymous, q)
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
