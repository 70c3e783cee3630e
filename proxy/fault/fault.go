// Package fault has the failures that a gate reports: one code for each, with
// the same meaning on pages, in problem documents and in logs.
//
// It is below every other package of the gate and imports none of them.
package fault

import (
	"errors"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Code names one failure. Each code has one meaning and one remedy.
type Code string

// The codes of everything that the gate refuses or fails at.
const (
	SignInRequired       Code = "sign-in-required"
	NotAllowed           Code = "not-allowed"
	DeniedByFlow         Code = "denied-by-flow"
	VisitLost            Code = "visit-lost"
	VisitExpired         Code = "visit-expired"
	CookiesBlocked       Code = "cookies-blocked"
	SessionLost          Code = "session-lost"
	AuthentikUnreachable Code = "authentik-unreachable"
	AuthentikStarting    Code = "authentik-starting"
	AuthentikUnexpected  Code = "authentik-unexpected"
	FlowNotFound         Code = "flow-not-found"
	ApplicationNotFound  Code = "application-not-found"
	SessionsUnavailable  Code = "sessions-unavailable"
	BadRequest           Code = "bad-request"
	TooLarge             Code = "too-large"
	Busy                 Code = "busy"
	NotFound             Code = "not-found"
	MethodNotAllowed     Code = "method-not-allowed"
	CrossSite            Code = "cross-site"
	TooManyAttempts      Code = "too-many-attempts"
	ClientRejected       Code = "client-rejected"
	RedirectURIRejected  Code = "redirect-uri-rejected"
	IssuerMismatch       Code = "issuer-mismatch"
	KeysUnreachable      Code = "keys-unreachable"
	TokenInvalid         Code = "token-invalid"
	ClockSkew            Code = "clock-skew"
	StepUpRefused        Code = "step-up-refused"
	SignInLoop           Code = "sign-in-loop"
	HostUnknown          Code = "host-unknown"
	AuthentikTLS         Code = "authentik-tls"
	AuthentikBehindGate  Code = "authentik-behind-gate"
	SignOnFailed         Code = "sign-on-failed"
	LoginHostUnknown     Code = "login-host-unknown"
	SeveralSessions      Code = "several-sessions"
)

// Error is a failure that the gate reports to the visitor. Its title is safe to
// show. Its cause is for the log and is never shown.
type Error struct {
	Code   Code
	Status int // HTTP status code
	// Title says what happened in a few English words that never change. It is
	// the title of the problem document (RFC 9457). Pages have their own text
	// for each Code.
	Title string
	// RetryAfter is sent as the header Retry-After when it is positive.
	RetryAfter time.Duration
	// Suspect names a sentence of the page's catalogue that tells the visitor
	// which cause the gate suspects. It may be empty.
	Suspect string
	Err     error
}

// Error returns the title, never the cause.
func (e *Error) Error() string { return e.Title }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A meaning is the status and the title of a code.
type meaning struct {
	status int
	title  string
}

var meanings = map[Code]meaning{
	SignInRequired:       {http.StatusUnauthorized, "Sign-in required"},
	NotAllowed:           {http.StatusForbidden, "Not allowed to use this application"},
	DeniedByFlow:         {http.StatusForbidden, "Sign-in flow ended without a user"},
	VisitLost:            {http.StatusBadRequest, "Sign-in begun in another browser"},
	VisitExpired:         {http.StatusBadRequest, "Visit expired"},
	CookiesBlocked:       {http.StatusBadRequest, "Session cookie not kept"},
	SessionLost:          {http.StatusBadRequest, "Session lost after the sign-in"},
	AuthentikUnreachable: {http.StatusServiceUnavailable, "Sign-in service unreachable"},
	AuthentikStarting:    {http.StatusServiceUnavailable, "Sign-in service starting"},
	AuthentikUnexpected:  {http.StatusBadGateway, "Unexpected answer of the sign-in service"},
	FlowNotFound:         {http.StatusBadGateway, "Sign-in flow not found"},
	ApplicationNotFound:  {http.StatusBadGateway, "Application not known to authentik"},
	SessionsUnavailable:  {http.StatusServiceUnavailable, "Session store unavailable"},
	BadRequest:           {http.StatusBadRequest, "Unreadable request"},
	TooLarge:             {http.StatusRequestEntityTooLarge, "Form too large"},
	Busy:                 {http.StatusServiceUnavailable, "Too many large forms at once"},
	NotFound:             {http.StatusNotFound, "No such page"},
	MethodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed"},
	CrossSite:            {http.StatusForbidden, "Sent by another site"},
	TooManyAttempts:      {http.StatusTooManyRequests, "Too many attempts to sign in"},
	ClientRejected:       {http.StatusBadGateway, "Client rejected by the sign-in service"},
	RedirectURIRejected:  {http.StatusBadGateway, "Redirect URI rejected by the sign-in service"},
	IssuerMismatch:       {http.StatusBadGateway, "Issuer does not match the configuration"},
	KeysUnreachable:      {http.StatusBadGateway, "Signing keys unreachable"},
	TokenInvalid:         {http.StatusBadGateway, "Token invalid"},
	ClockSkew:            {http.StatusBadGateway, "Clocks differ"},
	StepUpRefused:        {http.StatusForbidden, "Not signed in as this application demands"},
	SignInLoop:           {http.StatusLoopDetected, "Too many sign-ins in a row"},
	AuthentikTLS:         {http.StatusBadGateway, "No secure connection to the sign-in service"},
	AuthentikBehindGate:  {http.StatusBadGateway, "Address of the sign-in service leads to a gate"},
	SignOnFailed:         {http.StatusBadGateway, "Sign-in at the application failed"},
	LoginHostUnknown:     {http.StatusBadGateway, "Login host not known"},
	SeveralSessions:      {http.StatusBadRequest, "Several sessions at once"},
	HostUnknown:          {http.StatusMisdirectedRequest, "Host not configured for this site"},
}

// Codes returns every code, in no particular order.
func Codes() []Code {
	all := make([]Code, 0, len(meanings))
	for code := range meanings {
		all = append(all, code)
	}
	return all
}

// New returns the Error of a code with its cause, which may be nil. An unknown
// code is reported as AuthentikUnexpected.
func New(code Code, cause error) *Error {
	m, ok := meanings[code]
	if !ok {
		m = meanings[AuthentikUnexpected]
	}
	return &Error{Code: code, Status: m.status, Title: m.title, Err: cause}
}

// From returns the Error in err's chain, or the Error that corresponds to err.
// An error of an unknown kind becomes AuthentikUnexpected, so that an
// unforeseen error never lets a request pass.
func From(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if s, ok := errors.AsType[*flowclient.StartingError](err); ok {
		e := New(AuthentikStarting, err)
		e.RetryAfter = s.RetryAfter
		return e
	}
	if _, ok := errors.AsType[*flowclient.TLSError](err); ok {
		return New(AuthentikTLS, err)
	}
	switch {
	case errors.Is(err, flowclient.ErrUnreachable):
		return New(AuthentikUnreachable, err)
	case errors.Is(err, flowclient.ErrBehindGate):
		return New(AuthentikBehindGate, err)
	case errors.Is(err, flowclient.ErrFlowNotFound):
		return New(FlowNotFound, err)
	case errors.Is(err, flowclient.ErrApplicationNotFound):
		return New(ApplicationNotFound, err)
	case errors.Is(err, flowclient.ErrDenied):
		return New(NotAllowed, err)
	case errors.Is(err, flowclient.ErrClientUnknown):
		return New(ClientRejected, err)
	case errors.Is(err, flowclient.ErrRedirectRefused):
		return New(RedirectURIRejected, err)
	default:
		return New(AuthentikUnexpected, err)
	}
}

// Cause returns the error to log: the cause of an Error that has one, otherwise
// err itself.
func Cause(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Err != nil {
		return e.Err
	}
	return err
}
