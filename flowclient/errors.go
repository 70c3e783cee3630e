package flowclient

import (
	"errors"
	"fmt"
	"time"
)

// The errors that callers distinguish. Only ErrSourceDenied, ErrDenied and
// ErrUnauthenticated refuse a visitor (as Access.Passing and some challenges
// do). After any other error it is open whether the visitor may sign in.
var (
	// ErrUnreachable means that authentik gave no answer: it could not be
	// reached, did not answer in time, or a proxy in front of it could not
	// reach it. It may nevertheless have accepted an answer that was sent.
	// StartingError and TLSError are more precise.
	//
	// After a timeout, unless authentik has answered another request meanwhile,
	// calls fail with this error at once for 2 seconds. Then the client sends one
	// request at a time, until authentik answers one.
	ErrUnreachable = errors.New("flowclient: authentik cannot be reached")
	// ErrFlowNotFound means that there is no such flow, or no longer.
	ErrFlowNotFound = errors.New("flowclient: authentik has no such flow")
	// ErrApplicationNotFound means that there is no such application, or that this
	// visitor may not know of it.
	ErrApplicationNotFound = errors.New("flowclient: authentik has no such application")
	// ErrUnauthenticated means that no user is signed in with these cookies.
	ErrUnauthenticated = errors.New("flowclient: no user is signed in")
	// ErrTooManySteps means that authentik redirected the client too often.
	ErrTooManySteps = errors.New("flowclient: authentik redirects without end")
	// ErrDenied means that the user who is signed in may not use the application.
	ErrDenied = errors.New("flowclient: authentik denies this user the application")
	// ErrClientUnknown means that no provider has this OpenID Connect client.
	ErrClientUnknown = errors.New("flowclient: authentik has no such client")
	// ErrRedirectRefused means that the provider does not have this redirect URI.
	ErrRedirectRefused = errors.New("flowclient: authentik does not accept the redirect URI")
	// ErrNotEnrolling means that no device is being set up in this session.
	ErrNotEnrolling = errors.New("flowclient: no device is being set up")
	// ErrSourceNotFound means that there is no such source, or no longer.
	ErrSourceNotFound = errors.New("flowclient: authentik has no such source")
	// ErrSourceDenied means that a source does not let this person sign in.
	ErrSourceDenied = errors.New("flowclient: the source does not let this person sign in")
	// ErrSourceUnreachable means that the service behind a source did not answer
	// authentik. authentik itself can be reached.
	ErrSourceUnreachable = errors.New("flowclient: authentik cannot reach the source")
	// ErrBrowserNeeded means that only the visitor's browser can use a source.
	ErrBrowserNeeded = errors.New("flowclient: only a browser can go there")
	// ErrBehindGate means that URL leads to a site of the gate itself, which asks for a
	// sign-in, instead of to authentik.
	ErrBehindGate = errors.New("flowclient: URL leads to a site behind a gate, and not to authentik")
	// ErrOtherHost means that an address is not on authentik's host. The client sends
	// no request to any other.
	ErrOtherHost = errors.New("flowclient: not on authentik's host")
)

var (
	errUnreadable  = errors.New("flowclient: an address that cannot be read")
	errUnencodable = errors.New("a value that JSON cannot represent")
	errTooLarge    = errors.New("the answer is too large")
	errNotJSON     = errors.New("the answer is not JSON")
	errNoComponent = errors.New("the component is missing")
	errHost        = errors.New("the visitor's host is not a host name")
	errScheme      = errors.New("the visitor's scheme is neither http nor https")
	errNameless    = errors.New("a user without a name or an identifier")
	errNoPicture   = errors.New("the answer is not a picture")
	errNoStatus    = errors.New("an unknown state")
	errInside      = errors.New("an error inside authentik, which its log explains")
	errNoToken     = errors.New("the token is missing")
	errNoTarget    = errors.New("a redirect to nowhere in authentik")
)

// StartingError means that authentik is starting. errors.Is finds ErrUnreachable in
// it.
type StartingError struct {
	// RetryAfter is how long authentik asks clients to wait. It is zero if authentik
	// does not say.
	RetryAfter time.Duration
}

// Error says that authentik is starting.
func (e *StartingError) Error() string { return "flowclient: authentik is starting" }

// Is makes a StartingError an ErrUnreachable.
func (e *StartingError) Is(target error) bool { return target == ErrUnreachable }

// UnexpectedError means that an answer has a form that authentik's answers do not
// have: a page of HTML, the wrong JSON, too many bytes, an internal error.
type UnexpectedError struct {
	// Status is the HTTP status of the answer.
	Status int
	// Endpoint names what was asked, without any query.
	Endpoint string
	// Err is what is wrong with the answer. It may be nil.
	Err error
}

// Error has the status and the endpoint, and nothing of the answer's content.
func (e *UnexpectedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("flowclient: unexpected answer %d of %s", e.Status, e.Endpoint)
	}
	return fmt.Sprintf("flowclient: unexpected answer %d of %s: %v", e.Status, e.Endpoint, e.Err)
}

// Unwrap returns Err.
func (e *UnexpectedError) Unwrap() error { return e.Err }
