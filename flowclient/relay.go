package flowclient

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// A RelayRequest is a request of authentik's own interface, made in the place of a visitor's browser.
type RelayRequest struct {
	// Method is GET, HEAD or POST.
	Method string
	// Path is below authentik's root, with its query, and is passed on as it is: who is to reach what is the
	// caller's to decide.
	Path string
	// Header is the browser's. Of it Accept and If-None-Match are passed on.
	Header http.Header
	// Body is the JSON of a POST.
	Body []byte
}

// A RelayReply is authentik's answer. Redirects are not followed.
type RelayReply struct {
	Status int
	// Header lacks what is between authentik and the client alone: cookies, the connection's, and what names the server.
	Header http.Header
	Body   []byte
	// Cookies are those of the visitor afterwards.
	Cookies Cookies
}

// Relay sends a request of authentik's own interface, for those who show that interface under another host. Cookies, CSRF token and Origin are the
// visitor's as this client keeps them. Errors are those of an authentik that cannot be reached.
func (c *Client) Relay(ctx context.Context, v Visitor, rr RelayRequest) (RelayReply, error) {
	if rr.Method != http.MethodGet && rr.Method != http.MethodHead && rr.Method != http.MethodPost || (rr.Method == http.MethodPost) != (rr.Body != nil) {
		return RelayReply{}, errMethod
	}
	q := request{endpoint: "relay", method: rr.Method, path: rr.Path, body: rr.Body, header: rr.Header}
	if rr.Body != nil {
		q.timeout = pushTimeout // it may ask a telephone
	}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return RelayReply{Cookies: r.cookies}, err
	}
	header := r.header.Clone()
	for _, name := range between {
		header.Del(name)
	}
	return RelayReply{Status: r.status, Header: header, Body: r.body, Cookies: r.cookies}, nil
}

var errMethod = errors.New("flowclient: a method that is not relayed, or a body where there is none")

// passed are the headers of a browser that authentik's answer depends on. Dates are not among them: by its date alone a
// file of an application, kept under the same address, would be taken for the newest of authentik's.
var passed = []string{"Accept", "If-None-Match"}

// between are headers that are none of a browser's business. Strict-Transport-Security would speak for a host that
// is not authentik's, and by Last-Modified a browser would ask the application whether its file is newer than authentik's.
var between = []string{
	"Alt-Svc", "Connection", "Content-Length", "Keep-Alive", "Last-Modified", "Proxy-Authenticate", "Server", "Set-Cookie", "Strict-Transport-Security",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "X-Powered-By",
}

// pass puts the browser's headers into a request.
func (q request) pass(h http.Header) {
	for _, name := range passed {
		if value := strings.Join(q.header.Values(name), ", "); value != "" {
			h.Set(name, value)
		}
	}
}
