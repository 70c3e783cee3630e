package proxy

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/proxy/page"
)

// whoami answers GET session: who is signed in, and until when.
func (g *Gate) whoami(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	switch {
	case err != nil:
		g.problem(w, r, at, asError(err))
		return
	case session == nil:
		g.problem(w, r, at, failure(CodeSignInRequired, nil))
		return
	}
	_ = say(w, map[string]any{ // a visitor who has gone away needs no answer
		"user": session.User.Username, "name": session.User.Name, "email": session.User.Email,
		"groups": session.User.Groups, "session": session.id,
		"begun": session.Begun.UTC(), "until": session.Until.UTC(), "limit": "lifetime",
	})
}

// farewell answers GET logout: a button, since a link alone must not end a session.
func (g *Gate) farewell(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	if err != nil {
		g.fail(w, r, at, asError(err), "/")
		return
	}
	if session == nil {
		g.pages.SignedOut(w, r, page.PartingNone, g.brand(r, at))
		return
	}
	g.pages.SignOut(w, r, session.User.Username, g.brand(r, at))
}

// leave answers POST logout: it ends the session, and begins a new sign-in for
// who wants to switch the account.
func (g *Gate) leave(w http.ResponseWriter, r *http.Request, at Resolved) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		g.fail(w, r, at, failure(CodeBadRequest, err), "/")
		return
	}
	session, err := g.sessionOf(r, at)
	if err == nil && session != nil {
		err = g.finish(r, at, session, "signed-out")
	}
	if err != nil { // the cookie stays, so that the visitor can try again
		g.fail(w, r, at, asError(err), "/")
		return
	}
	g.jar.endSession(w, at)
	g.jar.setVisit(w, at, newSecret())
	if r.PostForm.Has("switch") {
		back := g.wayBack(r.PostForm.Get("to"))
		g.voice(r).lead(w, back, g.cfg.Prefix+"/login?to="+url.QueryEscape(back))
		return
	}
	g.voice(r).lead(w, "", g.cfg.Prefix+"/logout")
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
