package flowclient

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// sourceStarts matches the views where a sign-in with a source begins, but not
// those where it ends: a provider sends the browser to the latter, and the
// client must not go there.
var sourceStarts = regexp.MustCompile(
	`^/source/(oauth/login/[-a-zA-Z0-9_]+|saml/[-a-zA-Z0-9_]+|kerberos/[-a-zA-Z0-9_]+|telegram/[-a-zA-Z0-9_]+/start)/$`)

// StartSource follows a redirect of class RedirectSource on the visitor's
// behalf. If authentik has its own flow before the provider, the result is a
// question of that flow. Otherwise it is a Redirect of class RedirectExternal
// to the provider, for the visitor's browser. The provider sends the browser
// back to a view of authentik at the host that Visitor names, and that view
// needs these cookies.
//
// The flow is the one that the redirect is from; if authentik no longer has the
// session, it begins again. Most sources lose the next parameter of its Query,
// so callers must remember the address that the visitor asked for.
//
// If only the browser itself can use the source, the error is ErrBrowserNeeded.
// On an error the step has no challenge, but the cookies so far.
func (c *Client) StartSource(ctx context.Context, v Visitor, f Flow, rd Redirect) (Step, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	w := c.walk(v, f)
	ch, err := w.start(ctx, rd)
	return w.step(ch), err
}

func (w *walk) start(ctx context.Context, rd Redirect) (Challenge, error) {
	at, _ := pathBelow(w.c.root(w.v), rd.To)
	path, _, _ := strings.Cut(at, "?")
	if !sourceStarts.MatchString(path) {
		return nil, ErrSourceNotFound
	}
	return w.viaSource(ctx, request{endpoint: "source", path: at, limit: maxPage}, w.readStart)
}

// readStart returns the challenge in the reply of a source, or the next request.
func (w *walk) readStart(q request, r reply) (Challenge, *request, error) {
	switch {
	case r.sessionEnded(w.c.root(w.v)):
		return w.restart(q, r)
	case !r.fromAuthentik():
	case r.status == http.StatusFound:
		return w.sourceTarget(q, r)
	case r.status == http.StatusNotFound:
		return nil, nil, ErrSourceNotFound
	case r.status == http.StatusUnauthorized:
		return nil, nil, ErrBrowserNeeded
	}
	return nil, nil, unexpected(q, r, nil)
}

// sourceTarget follows a redirect to a flow and leaves others to the browser.
func (w *walk) sourceTarget(q request, r reply) (Challenge, *request, error) {
	to := r.header.Get("Location")
	rd, err := redirectTo(to, w.c.root(w.v))
	if err != nil {
		return nil, nil, unexpected(q, r, errNoTarget)
	}
	switch rd.Class() {
	case RedirectFlow:
		return nil, w.follow(q, rd), nil
	case RedirectSource:
		return nil, nil, ErrBrowserNeeded
	case RedirectExternal:
		return rd, nil, nil
	default:
		return nil, nil, unexpected(q, r, errNoTarget)
	}
}

// redirectTo makes a challenge from a Location header. It goes through JSON,
// because only a decoded challenge can be stored with its step.
func redirectTo(to, root string) (Redirect, error) {
	raw, err := json.Marshal(map[string]string{"component": string(ComponentRedirect), "to": to})
	if err != nil {
		return Redirect{}, err
	}
	ch, err := DecodeAt(raw, root)
	if err != nil {
		return Redirect{}, err
	}
	rd, ok := ch.(Redirect)
	if !ok {
		return Redirect{}, errNoTarget
	}
	return rd, nil
}
