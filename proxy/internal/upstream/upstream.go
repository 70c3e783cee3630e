// Package upstream makes the requests that the application behind a gate gets.
// They have the identity of their session, but not the gate's cookies, and
// their context ends with the session.
package upstream

import (
	"context"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// An Introducer makes the requests for one application.
type Introducer struct {
	Member  *group.Member
	Headers *headers.Headers
	Access  *access.Policy
	// Private marks the responses to signed-in visitors as private, unless the
	// application says something about caches.
	Private bool
}

// Introduce makes the request that the application gets: without the gate's
// cookies, and with the identity of a session if there is one. Its context ends
// with the session. running is nil without a session; the caller must call its
// Finish once the application has answered. A program's credential is removed
// if hidden is true, or if it has opened the session.
func (in *Introducer) Introduce(x *exchange.Exchange, s *session.Session, hidden bool) (request *http.Request, running *session.Stream) {
	r, next := x.R, (*group.Earlier)(nil)
	if in.Member.HandsOn() {
		r, next = group.HandOn(x)
	}
	if hidden || s != nil && s.IsProgram() && !x.Programs.Passes() {
		exchange.HideCredential(r)
	}
	if s == nil {
		x.Cookies.Strip(r.Header)
		return r, nil
	}
	running = in.follow(x, r, s)
	if !s.IsProgram() {
		x.FromElsewhere(r, s.User.UID)
	}
	x.Cookies.Strip(r.Header)
	request = r.WithContext(running)
	if problems := in.Headers.Set(request, s.Headers); problems != nil {
		x.Sessions.ReportHeaders(s, problems)
	}
	if next != nil {
		next.Tells(in.Headers.Lines(request))
	}
	return request, running
}

// MayStay returns the session that the cookie of a running request opens, and
// whether a request with that cookie would still pass.
func (in *Introducer) MayStay(ctx context.Context, one *session.Stream) (s *session.Session, stays bool) {
	sessions := in.Member.Shared.Sessions
	s, found, err := sessions.Find(ctx, one.Cookie, one.Host)
	if !found || err != nil {
		return nil, false
	}
	verdict := in.Access.Check(s, access.Needs(one.Needs), nil)
	if verdict == (exchange.Verdict{}) {
		now, found, err := sessions.Await(ctx, one.Cookie, one.Host, s)
		switch {
		case err != nil:
			verdict = in.Access.CheckUnreachable(s, access.Needs(one.Needs), err)
		case !found:
			return nil, false
		default:
			s, verdict = now, in.Access.Check(now, access.Needs(one.Needs), nil)
		}
	}
	if verdict.Pass {
		sessions.Touch(one.Cookie, one.Host, s)
	}
	return s, verdict.Pass
}

// follow returns the context of a session's request. A session that was found
// by its cookie is marked as used.
func (in *Introducer) follow(x *exchange.Exchange, r *http.Request, s *session.Session) *session.Stream {
	if s.IsProgram() {
		return in.followProgram(x, r, s)
	}
	value, ok := x.CookieOf(s)
	if ok && !x.Sessions.Fresh(s) {
		x.Sessions.Touch(value, x.At.Host, s)
	}
	return x.Sessions.Follow(r.Context(), x.W, value, x.At.Host, s, x.Needs)
}

// followProgram returns the context of a program's request. It ends if
// authentik refuses the credential meanwhile.
func (in *Introducer) followProgram(x *exchange.Exchange, r *http.Request, s *session.Session) *session.Stream {
	needs := access.Needs(x.Needs)
	return x.Sessions.FollowProgram(r.Context(), x.W, s, x.Again(s, func(s *session.Session, tried bool, cause error) bool {
		switch {
		case cause != nil:
			return in.Access.CheckUnreachable(s, needs, cause).Pass
		case tried:
			return in.Access.CheckConfirmed(s, needs).Pass
		default:
			return in.Access.Check(s, needs, nil).Pass
		}
	}))
}

// Mark returns the writer for the application's response. The response is
// marked if it is for one visitor.
func (in *Introducer) Mark(w http.ResponseWriter, request *http.Request, running *session.Stream) http.ResponseWriter {
	if running == nil || !in.Private {
		return w
	}
	return running.Response.Mark(w, request)
}
