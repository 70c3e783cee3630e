package flowclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// HTTP returns a client for libraries that speak OAuth 2.0 or OpenID Connect with
// authentik. It accepts addresses below PublicURL and sends the requests to URL, in
// the visitor's name but without cookies. authentik is always told its public host,
// from which it makes the name of the issuer.
//
// Requests to other addresses fail with ErrOtherHost. Redirects are not followed.
// If a proxy answers because it cannot reach authentik, the error is
// ErrUnreachable.
func (rl *Relay) HTTP(v Visitor) *http.Client {
	v.Cookies, v.Host, v.Scheme = nil, "", ""
	return &http.Client{
		Transport:     carrier{rl.c, v},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A carrier sends the requests of other libraries to authentik.
type carrier struct {
	c *Client
	v Visitor
}

// RoundTrip sends a request that is addressed to PublicURL to URL.
func (t carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.URL
	if at.Scheme != t.c.public.Scheme || !strings.EqualFold(at.Host, t.c.public.Host) ||
		!strings.HasPrefix(at.EscapedPath(), t.c.base+"/") || at.User != nil {
		if r.Body != nil {
			_ = r.Body.Close() // http.RoundTripper demands it
		}
		return nil, fmt.Errorf("flowclient: asking %s: %w", at.Host, ErrOtherHost)
	}
	// Client.Timeout of net/http would hide what kind of error it is.
	ctx, cancel := context.WithTimeout(r.Context(), t.c.timeout)
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.Host = t.c.url.Scheme, t.c.url.Host, t.c.public.Host
	q := request{endpoint: strings.TrimPrefix(at.EscapedPath(), t.c.base), limit: maxOAuth}
	accept := out.Header.Get("Accept")
	t.c.headers(out.Header, t.v, q)
	if accept != "" {
		out.Header.Set("Accept", accept)
	}
	p, err := t.c.circuit.enter(false)
	if err != nil {
		cancel()
		if r.Body != nil {
			_ = r.Body.Close() // http.RoundTripper demands it
		}
		return nil, unreachable(q, err)
	}
	resp, err := t.c.send(out, q)
	if err != nil {
		p.fail(t.c.hangs(ctx, q, p, err))
		cancel()
		return nil, err
	}
	p.succeed()
	if err := (reply{status: resp.StatusCode, header: resp.Header}).outage(q); err != nil {
		_ = resp.Body.Close() // it is not authentik's answer
		cancel()
		return nil, err
	}
	resp.Body = timedBody{resp.Body, cancel}
	return resp, nil
}

// A timedBody is a body that is read within the time of its request.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the body and cancels the timeout.
func (b timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
