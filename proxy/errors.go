package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Code names one failure, the same on pages, in problem documents and in logs.
// Each has one meaning and one remedy.
type Code string

// The codes of everything that the gate refuses or fails at.
const (
	CodeSignInRequired       Code = "sign-in-required"
	CodeNotAllowed           Code = "not-allowed"
	CodeDeniedByFlow         Code = "denied-by-flow"
	CodeVisitLost            Code = "visit-lost"
	CodeVisitExpired         Code = "visit-expired"
	CodeCookiesBlocked       Code = "cookies-blocked"
	CodeAuthentikUnreachable Code = "authentik-unreachable"
	CodeAuthentikStarting    Code = "authentik-starting"
	CodeAuthentikUnexpected  Code = "authentik-unexpected"
	CodeFlowNotFound         Code = "flow-not-found"
	CodeApplicationNotFound  Code = "application-not-found"
	CodeSessionsUnavailable  Code = "sessions-unavailable"
	CodeBadRequest           Code = "bad-request"
	CodeNotFound             Code = "not-found"
	CodeMethodNotAllowed     Code = "method-not-allowed"
	CodeCrossSite            Code = "cross-site"
)

// Error is a failure that the gate reports to the visitor. Public and Remedy
// are safe to show; Err is for the log and is never shown.
type Error struct {
	Code   Code
	Status int
	// Public says what happened, in a sentence.
	Public string
	// Remedy says what the visitor, or the operator, can do about it.
	Remedy string
	// RetryAfter is sent as Retry-After when it is positive.
	RetryAfter time.Duration
	Err        error
}

// Error returns the public words, never the cause.
func (e *Error) Error() string { return e.Public }

// Unwrap returns the cause, for the log.
func (e *Error) Unwrap() error { return e.Err }

// words are what a code means to the person who sees it.
type words struct {
	status         int
	public, remedy string
}

var meanings = map[Code]words{
	CodeSignInRequired: {http.StatusUnauthorized, "Sign-in required", "Sign in and try again."},
	CodeNotAllowed: {
		http.StatusForbidden, "You may not use this application.",
		"Ask whoever runs it for access, or sign in with another account.",
	},
	CodeDeniedByFlow: {
		http.StatusForbidden, "The sign-in has ended, but authentik has signed nobody in.",
		"Try again. If it happens again, the sign-in flow has no user login stage or leads elsewhere: tell whoever runs this site.",
	},
	CodeVisitLost: {
		http.StatusBadRequest, "This sign-in page does not belong to this browser any more.",
		"Begin again. If that does not help, allow cookies for this site.",
	},
	CodeVisitExpired: {
		http.StatusBadRequest, "This sign-in was begun too long ago.",
		"Begin again.",
	},
	CodeCookiesBlocked: {
		http.StatusBadRequest, "You have signed in, but your browser did not keep the cookie that says so.",
		"Allow cookies for this site and sign in again.",
	},
	CodeAuthentikUnreachable: {
		http.StatusServiceUnavailable, "The sign-in service cannot be reached.",
		"Try again in a moment. If it lasts, tell whoever runs this site that authentik does not answer.",
	},
	CodeAuthentikStarting: {
		http.StatusServiceUnavailable, "The sign-in service is starting.",
		"Try again in some seconds.",
	},
	CodeAuthentikUnexpected: {
		http.StatusBadGateway, "The sign-in service gave an answer that cannot be understood.",
		"Try again. If it lasts, tell whoever runs this site: something other than authentik may answer at its address.",
	},
	CodeFlowNotFound: {
		http.StatusBadGateway, "The sign-in flow does not exist.",
		"Tell whoever runs this site: the flow's slug is wrong, or authentik's brand has no authentication flow.",
	},
	CodeApplicationNotFound: {
		http.StatusBadGateway, "The application is not known to authentik.",
		"Tell whoever runs this site: the application's slug is wrong.",
	},
	CodeSessionsUnavailable: {
		http.StatusServiceUnavailable, "Sign-ins cannot be looked up or kept.",
		"Try again in a moment. If it lasts, tell whoever runs this site that the session store fails.",
	},
	CodeBadRequest: {
		http.StatusBadRequest, "The form could not be read.",
		"Go back, reload the page and try again.",
	},
	CodeNotFound: {
		http.StatusNotFound, "There is no such page.",
		"Go back to the application.",
	},
	CodeMethodNotAllowed: {
		http.StatusMethodNotAllowed, "This address cannot be used in that way.",
		"Go back to the application.",
	},
	CodeCrossSite: {
		http.StatusForbidden, "This form was sent by another site.",
		"Open the application's own address and sign in there.",
	},
}

// failure makes the Error of a code. A code without a meaning would be a
// mistake of ours and is reported as an unexpected answer.
func failure(code Code, cause error) *Error {
	m, ok := meanings[code]
	if !ok {
		m = meanings[CodeAuthentikUnexpected]
	}
	return &Error{Code: code, Status: m.status, Public: m.public, Remedy: m.remedy, Err: cause}
}

// asError finds the Error in err, or says which one it amounts to. Whatever is
// not known to be something else is an unexpected answer: nothing is let
// through because of an error that nobody thought of.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if s, ok := errors.AsType[*flowclient.StartingError](err); ok {
		e := failure(CodeAuthentikStarting, err)
		e.RetryAfter = s.RetryAfter
		return e
	}
	switch {
	case errors.Is(err, flowclient.ErrUnreachable):
		return failure(CodeAuthentikUnreachable, err)
	case errors.Is(err, flowclient.ErrFlowNotFound):
		return failure(CodeFlowNotFound, err)
	case errors.Is(err, flowclient.ErrApplicationNotFound):
		return failure(CodeApplicationNotFound, err)
	default:
		return failure(CodeAuthentikUnexpected, err)
	}
}
