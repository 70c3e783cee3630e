package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// whoami answers GET session: who is signed in, and until when.
func (g *Gate) whoami(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	switch {
	case err != nil:
		g.problem(w, r, at, fault.From(err))
		return
	case session == nil:
		g.problem(w, r, at, fault.New(fault.SignInRequired, nil))
		return
	}
	until, limit := g.ends(session)
	_ = say(w, map[string]any{ // a visitor who has gone away needs no answer
		"user": session.User.Username, "name": session.User.Name, "email": session.User.Email,
		"groups": session.User.Groups, "session": session.id,
		"begun": session.Begun.UTC(), "until": until.UTC(), "limit": limit,
	})
}

// ends is when a session ends if nothing more comes of it, and by which limit.
func (g *Gate) ends(s *Session) (until time.Time, limit string) {
	if unused := time.Unix(s.used.Load(), 0).Add(g.cfg.Idle); g.cfg.Idle > 0 && unused.Before(s.Until) {
		return unused, "idle"
	}
	return s.Until, "lifetime"
}

// farewell answers GET logout: a button, since a link alone must not end a session.
func (g *Gate) farewell(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	if err != nil {
		g.fail(w, r, at, fault.From(err), "/")
		return
	}
	if session == nil {
		g.pages.SignedOut(w, r, page.ParseSignOutScope(at.Asked.Query().Get("ended")), g.brand(r, at))
		return
	}
	g.pages.SignOut(w, r, session.User.Username, g.brand(r, at))
}

// leave answers POST logout: it ends the session, and begins a new sign-in for
// who wants to switch the account.
func (g *Gate) leave(w http.ResponseWriter, r *http.Request, at Resolved) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		g.fail(w, r, at, fault.New(fault.BadRequest, err), "/")
		return
	}
	session, err := g.sessionOf(r, at)
	how, away := page.SignOutUnknown, ""
	if err == nil && session != nil {
		how, away, err = g.part(r, at, session)
	}
	if err != nil { // the cookie stays, so that the visitor can try again
		g.fail(w, r, at, fault.From(err), "/")
		return
	}
	g.jar.endSession(w, at)
	g.jar.setVisit(w, at, seal.NewSecret())
	g.jar.setArrivals(w, at, nil) // who signs in again does so by hand
	switch back := g.wayBack(r.PostForm.Get("to")); {
	case away != "":
		g.voice(r).leave(w, away)
	case r.PostForm.Has("switch"):
		g.voice(r).lead(w, back, g.cfg.Prefix+"/login?to="+url.QueryEscape(back))
	default:
		g.voice(r).lead(w, "", g.cfg.Prefix+"/logout?ended="+string(how))
	}
}

// part ends a session here, with all that rest on the same session of authentik's, and then at authentik, as far as that is
// to be had: what is said is what has ended. away is where a browser ends it that has authentik's session itself.
func (g *Gate) part(r *http.Request, at Resolved, s *Session) (how page.SignOutScope, away string, err error) {
	rec, err := g.recordOf(r, at, s)
	if err != nil || rec == nil {
		return page.SignOutUnknown, "", err
	}
	if err := g.finish(r, at, s, "signed-out"); err != nil {
		return "", "", err
	}
	if rec.SID != "" {
		if err := g.EndAuthentik(r.Context(), rec.SID); err != nil {
			return "", "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), signOffWait)
	defer cancel()
	err = g.way.leave(ctx, rec)
	if err == nil && g.cfg.OIDC.used() && len(rec.Cookies) == 0 {
		away, err = g.provider.farewellAt(ctx, rec, at)
	}
	if err != nil {
		g.log(at).WarnContext(ctx, "signed out here, but authentik's own session may go on", "error", fault.Cause(err), "session", s.id)
		return page.SignOutHere, "", nil
	}
	return page.SignOutEverywhere, away, nil
}

// finish ends a session for good.
func (g *Gate) finish(r *http.Request, at Resolved, s *Session, reason string) error {
	if err := g.sessions.end(r.Context(), s); err != nil {
		g.log(at).ErrorContext(r.Context(), "a session could not be ended", "error", errors.Unwrap(err), "session", s.id)
		return err
	}
	g.cfg.Metrics.Ended(reason)
	g.log(at).InfoContext(r.Context(), "session ended", "reason", reason, "user", s.User.Username, "session", s.id)
	return nil
}
