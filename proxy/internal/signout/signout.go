// Package signout ends sessions when the visitor or authentik asks for it.
//
//   - signout.go: who is signed in, and the page to sign out
//   - application.go: sign-outs at the application
//   - notice.go: logout notices of OpenID Connect
package signout

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// signOutWait is the timeout for authentik in a sign-out.
const signOutWait = 10 * time.Second

// A Handler ends sessions. It is safe for concurrent use.
type Handler struct {
	*exchange.Shared
	Source authn.Source
	OIDC   *oidc.Source // nil without OpenID Connect
	Store  store.Store
	Idle   time.Duration // the maximum time without use; 0: no limit
	Root   string        // authentik's public address
	Paths  []string      // the requests with which the application signs its users out
	// ClearCache makes browsers drop the application's pages at a sign-out.
	ClearCache bool
	// All returns the sign-outs of all gates on a request's host, this gate's
	// first.
	All func(x *exchange.Exchange) []Place
}

// A Place is one gate's sign-out, with that gate's exchange for a request.
type Place struct {
	*Handler
	Exchange *exchange.Exchange
}

// signedIn returns the first place where the request has a session.
func (h *Handler) signedIn(x *exchange.Exchange) (at Place, s *session.Session, found bool, err error) {
	for _, at := range h.All(x) {
		if s, found, err := at.Exchange.Session(); found || err != nil {
			return at, s, found, err
		}
	}
	return Place{}, nil, false, nil
}

// Session answers GET session: who is signed in, and until when.
func (h *Handler) Session(x *exchange.Exchange) {
	at, s, found, err := h.signedIn(x)
	switch {
	case err != nil:
		x.Problem(fault.From(err))
		return
	case !found:
		x.Problem(fault.New(fault.SignInRequired, nil))
		return
	}
	until, limit := at.ends(s)
	_ = x.Tell(map[string]any{ // a client that has disconnected needs no response
		"user": s.User.Username, "name": s.User.Name, "email": s.User.Email,
		"groups": s.User.Groups, "session": s.ID(),
		"begun": s.Begun.UTC(), "until": until.UTC(), "limit": limit,
	})
}

// ends returns when a session ends if it is not used any more, and which limit
// ends it.
func (h *Handler) ends(s *session.Session) (until time.Time, limit string) {
	if unused := s.Used().Add(h.Idle); h.Idle > 0 && unused.Before(s.Until) {
		return unused, "idle"
	}
	return s.Until, "lifetime"
}

// Page answers GET logout with a button, since following a link must not end a
// session.
func (h *Handler) Page(x *exchange.Exchange) {
	_, s, found, err := h.signedIn(x)
	if err != nil {
		x.Fail(fault.From(err), "/")
		return
	}
	if !found {
		for _, at := range h.All(x) {
			if rec, _, stays := at.stays(at.Exchange); stays { // a page load would begin another session
				h.Pages.SignOut(x.W, x.R, rec.User.Username, x.Brand(x))
				return
			}
		}
		h.Pages.SignedOut(x.W, x.R, page.ParseSignOutScope(x.At.Asked.Query().Get("ended")), x.Brand(x))
		return
	}
	h.Pages.SignOut(x.W, x.R, s.User.Username, x.Brand(x))
}

// SignOut answers POST logout. It ends the session. For a visitor who wants to
// use another account it then begins a new sign-in.
func (h *Handler) SignOut(x *exchange.Exchange) {
	form, err := reply.Posted(x.R, x.Body(intake.Small))
	if err != nil {
		x.Fail(reply.Unreadable(err), "/")
		return
	}
	ended, there, err := h.endAll(x)
	if err != nil { // the cookie stays, so that the visitor can try again
		x.Fail(fault.From(err), "/")
		return
	}
	x.RenewVisit()
	x.SetArrivals(nil) // a visitor who signs in again does so on purpose
	h.answer(x, ended, there, form)
}

// answer answers a visitor who has signed out here. The form of the sign-out
// decides what happens next.
func (h *Handler) answer(x *exchange.Exchange, ended page.SignOutScope, there browserSignOut, form url.Values) {
	if h.ClearCache {
		// Otherwise the browser's Back button shows the last page from memory.
		// An index page from disk then loads without its scripts, which the
		// gate refuses.
		x.W.Header().Set("Clear-Site-Data", `"cache"`)
	}
	switch back := x.WayBack(form.Get("to")); {
	case there.to != "" && (x.JSON() || there.back):
		x.Leave(there.to)
	case there.to != "": // authentik's own page is the last one, and may look as if nothing had ended
		h.Pages.SigningOut(x.W, x.R, there.to, x.Brand(x))
	case form.Has("switch"):
		x.Lead(back, h.LoginAt("to="+url.QueryEscape(back)))
	default:
		x.Lead("", h.Prefix+"/logout?ended="+string(ended))
	}
}

// A browserSignOut is the address at which a browser ends authentik's session, if
// the browser itself holds that session, and whether the browser comes back
// from there. The zero browserSignOut means that the browser need not go to
// authentik.
type browserSignOut struct {
	to   string
	back bool
}

// endAll ends the browser's sessions at the gates of this host. The results are
// those of the first gate.
func (h *Handler) endAll(x *exchange.Exchange) (ended page.SignOutScope, away browserSignOut, err error) {
	ended = page.SignOutUnknown
	for i, at := range h.All(x) {
		s, found, err := at.Exchange.Session()
		scope, to := page.SignOutUnknown, browserSignOut{}
		switch {
		case err == nil && found:
			scope, to, err = at.end(at.Exchange, s)
		case err == nil:
			scope, err = at.endStay(at.Exchange)
		}
		if err != nil {
			return "", browserSignOut{}, err
		}
		if i == 0 || at.Exchange.SentSession() {
			at.Exchange.ExpireSession()
		}
		if ended == page.SignOutUnknown || scope == page.SignOutHere {
			ended = scope
		}
		away = cmp.Or(away, to)
	}
	return ended, away, nil
}

// end ends a session here, with all sessions that rest on the same session of
// authentik, and then that session as far as possible. ended says which
// sessions have ended. away is where the browser ends authentik's session, if
// the browser itself holds it.
func (h *Handler) end(x *exchange.Exchange, s *session.Session) (ended page.SignOutScope, away browserSignOut, err error) {
	rec, found, err := x.Record(s)
	if err != nil || !found {
		return page.SignOutUnknown, browserSignOut{}, err
	}
	switch lent, err := h.Sessions.Lent(x.Context(), rec); { // before the session ends: the cookies may end with it
	case err == nil:
		rec = lent
	case !errors.Is(err, authn.ErrNotSignedIn):
		return "", browserSignOut{}, err
	}
	if err := x.End(s, "signed-out"); err != nil {
		return "", browserSignOut{}, err
	}
	if rec.SID != "" {
		if err := h.Sessions.EndAuthentik(x.Context(), rec.SID); err != nil {
			return "", browserSignOut{}, err
		}
	}
	away, err = h.endAtAuthentik(x.Uncanceled(), rec)
	if err != nil {
		x.Log().WarnContext(x.Context(), "sign-out: authentik's own session may go on", "error", fault.Cause(err), "session", s.ID())
		return page.SignOutHere, browserSignOut{}, nil
	}
	return page.SignOutEverywhere, away, nil
}

// stays returns the record of a visitor whose session has expired, but who
// wanted to stay signed in.
func (h *Handler) stays(x *exchange.Exchange) (rec *session.Record, value string, found bool) {
	value, found, err := x.Stays()
	if err != nil || !found {
		return nil, "", false
	}
	rec, found, err = x.Sessions.Stays(x.Context(), value, x.At.Host)
	return rec, value, found && err == nil
}

// endStay ends the permission to stay signed in, here and at authentik.
func (h *Handler) endStay(x *exchange.Exchange) (ended page.SignOutScope, err error) {
	rec, value, found := h.stays(x)
	if !found {
		return page.SignOutUnknown, nil
	}
	if err := x.Sessions.EndStay(x.Context(), value, x.At.Host); err != nil {
		return "", err
	}
	if rec.SID != "" {
		if err := x.Sessions.EndAuthentik(x.Context(), rec.SID); err != nil {
			return "", err
		}
	}
	if _, err := h.endAtAuthentik(x.Uncanceled(), rec); err != nil {
		x.Log().WarnContext(x.Context(), "sign-out: authentik's own session may go on", "error", fault.Cause(err))
		return page.SignOutHere, nil
	}
	return page.SignOutEverywhere, nil
}

func (h *Handler) endAtAuthentik(x *exchange.Exchange, rec *session.Record) (away browserSignOut, err error) {
	ctx, cancel := context.WithTimeout(x.Context(), signOutWait)
	defer cancel()
	if err := h.Source.SignOut(ctx, rec); err != nil || h.OIDC == nil || len(rec.Cookies) > 0 {
		return browserSignOut{}, err
	}
	away.to, away.back, err = h.OIDC.SignOutURL(ctx, rec, x.Origin()+h.Prefix+"/logout")
	return away, err
}
