package flowclient

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Relay passes on requests that others have made: authentik's own web
// interface in a visitor's browser, or a library for OAuth 2.0 and OpenID
// Connect. Driving a flow needs no Relay. A Relay is safe for concurrent use.
type Relay struct{ c *Client }

// Relay returns the relay that uses the client's configuration and connections.
func (c *Client) Relay() *Relay { return &Relay{c} }

// A RelayRequest is a request of authentik's own web interface, as a visitor's
// browser has made it.
type RelayRequest struct {
	// Method is GET, HEAD or POST.
	Method string
	// Path is below authentik's root, with its query. It is sent unchanged: the
	// caller decides which paths may be reached.
	Path string
	// Header is the browser's header. Only Accept and If-None-Match are passed
	// on.
	Header http.Header
	// Body is the JSON of a POST. It must be nil for GET and HEAD.
	Body []byte
}

// A RelayReply is authentik's answer to a RelayRequest. Redirects are not followed.
type RelayReply struct {
	// Status is the HTTP status.
	Status int
	// Header has only those headers that describe the body, say where the
	// browser goes next, and say what the page may do.
	Header http.Header
	// Body is the decompressed body.
	Body []byte
	// Cookies are the visitor's cookies after the answer.
	Cookies Cookies
	// SessionUntil is the expiry of the session cookie, if the answer has set
	// one that outlasts the browser.
	SessionUntil time.Time
}

// Send sends a request of authentik's own web interface on the visitor's
// behalf. Cookies, the CSRF token and Origin are those that the client keeps
// for the visitor, not the browser's. An error means that authentik gave no
// answer; an answer of any status is not an error.
func (rl *Relay) Send(ctx context.Context, v Visitor, rr RelayRequest) (RelayReply, error) {
	post := rr.Method == http.MethodPost
	if !post && rr.Method != http.MethodGet && rr.Method != http.MethodHead || post != (rr.Body != nil) {
		return RelayReply{}, errMethod
	}
	q := request{endpoint: "relay", method: rr.Method, path: rr.Path, body: rr.Body, header: rr.Header, limit: maxRelayedFile}
	if strings.HasPrefix(rr.Path, "/api/") {
		q.limit = maxRelayedAPI
	}
	if answer, err := readObject(rr.Body); err == nil && answer.has("duo") {
		q.timeout = pushTimeout // the answer waits for a person
	}
	r, err := rl.c.exchange(ctx, v, q)
	if err != nil {
		return RelayReply{Cookies: r.cookies}, err
	}
	header := http.Header{}
	for _, name := range answeredHeaders {
		if values := r.header.Values(name); len(values) > 0 {
			header[name] = slices.Clone(values)
		}
	}
	return RelayReply{Status: r.status, Header: header, Body: r.body, Cookies: r.cookies, SessionUntil: r.until}, nil
}

var errMethod = errors.New("flowclient: relaying a request: the method must be GET or HEAD without a body, or POST with one")

// passedHeaders are the browser's headers that authentik's answer depends on.
// Dates are not among them: the application's host may have served a newer file
// at the same address, and authentik would then answer 304 to its date.
var passedHeaders = []string{"Accept", "If-None-Match"}

// answeredHeaders are the headers of authentik's answers that reach the
// browser: they describe the body, say where to go next, and say what the page
// may do. All others are dropped, since they could change how the browser
// treats a host that is not authentik's: forget its data, always use TLS, trust
// a service worker or another origin, or treat its copy as older than
// authentik's.
var answeredHeaders = []string{
	"Content-Disposition", "Content-Language", "Content-Security-Policy", "Content-Type", "Etag", "Location", "Referrer-Policy",
	"Retry-After", "Vary", "X-Content-Type-Options", "X-Frame-Options",
}

// pass copies the browser's headers into a request.
func (q request) pass(h http.Header) {
	for _, name := range passedHeaders {
		if value := strings.Join(q.header.Values(name), ", "); value != "" {
			h.Set(name, value)
		}
	}
}
