package flowclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// HTTP returns a client for libraries for OAuth 2.0 or OpenID Connect. It
// accepts addresses below PublicURL and sends the requests to URL, on the
// visitor's behalf but without cookies. authentik is always told its public
// host, from which it makes the name of the issuer.
//
// Requests to other addresses fail with ErrOtherHost. Redirects are not
// followed. If a proxy answers because it cannot reach authentik, the error is
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
	// Client.Timeout of net/http would hide the kind of the error.
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
		t.c.failed(ctx, q, p, err)
		cancel()
		return nil, err
	}
	defer cancel()
	// The libraries drop the cause of an error of the body.
	body, err := t.c.body(ctx, resp)
	_ = resp.Body.Close() // it has been read
	if err != nil && errors.Is(err, ctx.Err()) {
		t.c.failed(ctx, q, p, err)
	} else {
		p.succeed()
	}
	if err != nil && (!errors.Is(err, errTooLarge) || !unavailable(resp.StatusCode)) {
		return nil, unread(q, resp.StatusCode, err)
	}
	if err := (reply{status: resp.StatusCode, header: resp.Header}).outage(q); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
