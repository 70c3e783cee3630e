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
	CodeTooLarge             Code = "too-large"
	CodeNotFound             Code = "not-found"
	CodeMethodNotAllowed     Code = "method-not-allowed"
	CodeCrossSite            Code = "cross-site"
	CodeTooManyAttempts      Code = "too-many-attempts"
	CodeClientRejected       Code = "client-rejected"
	CodeRedirectURIRejected  Code = "redirect-uri-rejected"
	CodeIssuerMismatch       Code = "issuer-mismatch"
	CodeKeysUnreachable      Code = "keys-unreachable"
	CodeTokenInvalid         Code = "token-invalid"
	CodeClockSkew            Code = "clock-skew"
	CodeStepUpRefused        Code = "step-up-refused"
	CodeSignInLoop           Code = "sign-in-loop"
)

// Error is a failure that the gate reports to the visitor. Title is safe to
// show; Err is for the log and is never shown. What visitors read of it on a page
// is in the catalogue of the pages, by its code.
type Error struct {
	Code   Code
	Status int
	// Title says what happened, in a few English words that never change: it is for
	// programs (RFC 9457).
	Title string
	// RetryAfter is sent as Retry-After when it is positive.
	RetryAfter time.Duration
	Err        error

	suspect string // the name of a sentence for the page, which says what is suspected
}

// Error returns the title, never the cause.
func (e *Error) Error() string { return e.Title }

// Unwrap returns the cause, for the log.
func (e *Error) Unwrap() error { return e.Err }

// A meaning is what a code stands for.
type meaning struct {
	status int
	title  string
}

var meanings = map[Code]meaning{
	CodeSignInRequired:       {http.StatusUnauthorized, "Sign-in required"},
	CodeNotAllowed:           {http.StatusForbidden, "Not allowed to use this application"},
	CodeDeniedByFlow:         {http.StatusForbidden, "Signed nobody in"},
	CodeVisitLost:            {http.StatusBadRequest, "Visit of another browser"},
	CodeVisitExpired:         {http.StatusBadRequest, "Visit expired"},
	CodeCookiesBlocked:       {http.StatusBadRequest, "Session cookie not kept"},
	CodeAuthentikUnreachable: {http.StatusServiceUnavailable, "Sign-in service unreachable"},
	CodeAuthentikStarting:    {http.StatusServiceUnavailable, "Sign-in service starting"},
	CodeAuthentikUnexpected:  {http.StatusBadGateway, "Unexpected answer of the sign-in service"},
	CodeFlowNotFound:         {http.StatusBadGateway, "Sign-in flow not found"},
	CodeApplicationNotFound:  {http.StatusBadGateway, "Application not known to authentik"},
	CodeSessionsUnavailable:  {http.StatusServiceUnavailable, "Session store unavailable"},
	CodeBadRequest:           {http.StatusBadRequest, "Unreadable request"},
	CodeTooLarge:             {http.StatusRequestEntityTooLarge, "Form too large"},
	CodeNotFound:             {http.StatusNotFound, "No such page"},
	CodeMethodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed"},
	CodeCrossSite:            {http.StatusForbidden, "Sent by another site"},
	CodeTooManyAttempts:      {http.StatusTooManyRequests, "Too many attempts to sign in"},
	CodeClientRejected:       {http.StatusBadGateway, "Client rejected by the sign-in service"},
	CodeRedirectURIRejected:  {http.StatusBadGateway, "Redirect URI rejected by the sign-in service"},
	CodeIssuerMismatch:       {http.StatusBadGateway, "Issuer of another name"},
	CodeKeysUnreachable:      {http.StatusBadGateway, "Signing keys unreachable"},
	CodeTokenInvalid:         {http.StatusBadGateway, "Token invalid"},
	CodeClockSkew:            {http.StatusBadGateway, "Clocks differ"},
	CodeStepUpRefused:        {http.StatusForbidden, "Not signed in as this application demands"},
	CodeSignInLoop:           {http.StatusLoopDetected, "Sign-ins do not hold"},
}

// failure makes the Error of a code. A code without a meaning would be a
// mistake of ours and is reported as an unexpected answer.
func failure(code Code, cause error) *Error {
	m, ok := meanings[code]
	if !ok {
		m = meanings[CodeAuthentikUnexpected]
	}
	return &Error{Code: code, Status: m.status, Title: m.title, Err: cause}
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
	case errors.Is(err, flowclient.ErrDenied):
		return failure(CodeNotAllowed, err)
	case errors.Is(err, flowclient.ErrClientUnknown):
		return failure(CodeClientRejected, err)
	case errors.Is(err, flowclient.ErrRedirectRefused):
		return failure(CodeRedirectURIRejected, err)
	default:
		return failure(CodeAuthentikUnexpected, err)
	}
}
