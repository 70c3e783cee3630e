package loginhost

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// signOutWait is the timeout for authentik in a sign-out.
const signOutWait = 10 * time.Second

// Page answers GET logout with a button, since following a link must not end a
// session.
func (h *Handler) Page(x *exchange.Exchange) {
	cookies, sessions := x.Authentiks()
	if sessions > 1 {
		h.several(x, "")
		return
	}
	who, err := authn.Me(x.Context(), h.Authentik, x.Visitor(cookies), true)
	switch {
	case errors.Is(err, authn.ErrNotSignedIn):
		h.Pages.SignedOut(x.W, x.R, page.ParseSignOutScope(x.At.Asked.Query().Get("ended")), x.Brand(x))
	case err != nil:
		x.Fail(fault.From(err), "/")
	default:
		h.Pages.SignOut(x.W, x.R, who.User.Username, x.Brand(x))
	}
}

// SignOut answers POST logout. It ends authentik's session in this browser, and
// all sessions that rest on it, on all domains. A visitor who wants to use
// another account then continues the visit that they came from.
func (h *Handler) SignOut(x *exchange.Exchange) {
	form, err := reply.Posted(x.R, x.Body(intake.Small))
	if err != nil {
		x.Fail(reply.Unreadable(err), "/")
		return
	}
	x = x.Uncanceled()
	if err := h.endResting(x); err != nil { // the cookies stay, so that the visitor can try again
		x.Fail(fault.From(err), "/")
		return
	}
	scope := page.SignOutEverywhere
	if err := h.endAtAuthentik(x); err != nil {
		x.Log().WarnContext(x.Context(), "sign-out: authentik's own session may go on", "error", fault.Cause(err))
		scope = page.SignOutHere
	}
	x.ExpireAuthentiks(pathsAbove(h.Prefix + SignInPath)...)
	back := h.own(form.Get("to"))
	if back == "" || !form.Has("switch") {
		back = h.Prefix + "/logout?ended=" + string(scope)
	}
	x.Lead(back, back)
}

// pathsAbove returns a path and all shorter paths whose cookies browsers send
// there, without the root.
func pathsAbove(path string) (all []string) {
	for ; path != ""; path = path[:strings.LastIndexByte(path, '/')] {
		if len(all) > 0 {
			all = append(all, path+"/")
		}
		all = append(all, path)
	}
	return all
}

// endResting ends the sessions at other sites that rest on this browser's
// session at authentik.
func (h *Handler) endResting(x *exchange.Exchange) error {
	for _, cookies := range x.EachAuthentik() {
		if sid, ok := cookies.Session(); ok {
			if err := h.Sessions.EndAuthentikAt(x.Context(), x.Origin()+h.Base, sid); err != nil {
				return err
			}
		}
	}
	secret, ok := x.Copied()
	if !ok {
		return nil
	}
	records := h.records(x.Origin())
	kept, found, err := records.Copy(x.Context(), secret)
	if err != nil || !found {
		return err
	}
	return records.End(x.Context(), secret, kept.Until)
}

// endAtAuthentik ends every session at authentik whose cookie the browser has
// sent.
func (h *Handler) endAtAuthentik(x *exchange.Exchange) error {
	ctx, cancel := context.WithTimeout(x.Context(), signOutWait)
	defer cancel()
	var errs []error
	for _, cookies := range x.EachAuthentik() {
		errs = append(errs, authn.Invalidate(ctx, h.Authentik, x.Visitor(cookies)))
	}
	return errors.Join(errs...)
}
