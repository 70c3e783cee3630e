package flowclient

import (
	"errors"
	"fmt"
	"time"
)

// The errors that callers tell apart. None but ErrSourceDenied and ErrDenied says "no" to a
// visitor: that authentik does with challenges, ErrUnauthenticated and Access.Passing.
var (
	// ErrUnreachable says that authentik could not be asked, or that what stands in
	// front of it could not reach it. It may have acted on an answer all the same.
	ErrUnreachable = errors.New("flowclient: authentik cannot be reached")
	// ErrFlowNotFound says that there is no such flow, or no longer.
	ErrFlowNotFound = errors.New("flowclient: authentik knows no such flow")
	// ErrApplicationNotFound says that there is no such application, or none that
	// this visitor may know of.
	ErrApplicationNotFound = errors.New("flowclient: authentik knows no such application")
	// ErrUnauthenticated says that nobody is signed in with these cookies.
	ErrUnauthenticated = errors.New("flowclient: nobody is signed in")
	// ErrTooManySteps says that authentik kept sending the client on.
	ErrTooManySteps = errors.New("flowclient: authentik keeps redirecting")
	// ErrDenied says that the user who is signed in may not use the application.
	ErrDenied = errors.New("flowclient: authentik denies this user the application")
	// ErrClientUnknown says that no provider has such a client of OpenID Connect.
	ErrClientUnknown = errors.New("flowclient: authentik knows no such client")
	// ErrRedirectRefused says that the provider has no such redirect URI.
	ErrRedirectRefused = errors.New("flowclient: authentik does not accept the redirect URI")
	// ErrNotEnrolling says that no device is being set up in this session.
	ErrNotEnrolling = errors.New("flowclient: no device is being set up")
	// ErrSourceNotFound says that there is no such source, or no longer.
	ErrSourceNotFound = errors.New("flowclient: authentik knows no such source")
	// ErrSourceDenied says that a source does not let this person in.
	ErrSourceDenied = errors.New("flowclient: the source does not let this person in")
	// ErrSourceUnreachable says that authentik could not ask the service behind a
	// source, or that the service would not answer. authentik itself can be reached.
	ErrSourceUnreachable = errors.New("flowclient: authentik cannot reach the source")
	// ErrBrowserNeeded says that the visitor's browser has to speak with authentik
	// itself.
	ErrBrowserNeeded = errors.New("flowclient: only a browser can go there")
	// ErrOtherHost means that an address is not on authentik's host. The client sends
	// no request to any other.
	ErrOtherHost = errors.New("flowclient: not on authentik's host")
)

var (
	errUnreadable  = errors.New("flowclient: unreadable address")
	errUnencodable = errors.New("a value that JSON cannot hold")
	errTooLarge    = errors.New("the answer is too large")
	errNotJSON     = errors.New("the answer is not JSON")
	errNoComponent = errors.New("no component is named")
	errHost        = errors.New("the visitor's host is not the name of a host")
	errScheme      = errors.New("the visitor's scheme is neither http nor https")
	errNameless    = errors.New("a user without a name")
	errNoPicture   = errors.New("not a picture")
	errNoStatus    = errors.New("a state that there is not")
	errInside      = errors.New("an error inside authentik: its log says which")
	errNoToken     = errors.New("there is no token")
	errWayward     = errors.New("a redirect that leads nowhere in authentik")
)

// StartingError says that authentik is starting. It is an ErrUnreachable.
type StartingError struct {
	// RetryAfter is how long authentik asks to wait; zero where it does not say.
	RetryAfter time.Duration
}

// Error says so in words.
func (e *StartingError) Error() string { return "flowclient: authentik is starting" }

// Is makes a StartingError an ErrUnreachable.
func (e *StartingError) Is(target error) bool { return target == ErrUnreachable }

// UnexpectedError is an answer that is none of authentik's: a page of HTML, the
// wrong JSON, an internal error.
type UnexpectedError struct {
	// Status is the answer's status.
	Status int
	// Endpoint names what was asked, without any query.
	Endpoint string
	// Err says what was wrong with it; it may be nil.
	Err error
}

// Error tells status and endpoint, and nothing of the answer itself.
func (e *UnexpectedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("flowclient: unexpected answer %d of %s", e.Status, e.Endpoint)
	}
	return fmt.Sprintf("flowclient: unexpected answer %d of %s: %v", e.Status, e.Endpoint, e.Err)
}

// Unwrap returns what was wrong.
func (e *UnexpectedError) Unwrap() error { return e.Err }
