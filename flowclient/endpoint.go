package flowclient

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// HTTP returns a client for the endpoints of OAuth 2.0 and OpenID Connect, which other libraries speak with.
// Requests go to addresses below PublicURL and are sent to where authentik is reached, in the visitor's name but
// without cookies; authentik is always told its public host, from which it makes the name of the issuer.
// Others fail, redirects are not followed, and where something in front of authentik answers in its place the error is
// ErrUnreachable. The client may be used by any number of goroutines at once.
func (c *Client) HTTP(v Visitor) *http.Client {
	v.Cookies, v.Host, v.Scheme = nil, "", ""
	return &http.Client{
		Transport: carrier{c, v}, Timeout: c.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A carrier sends what other libraries ask of authentik.
type carrier struct {
	c *Client
	v Visitor
}

// RoundTrip sends the request to where authentik is reached.
func (t carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.URL
	if at.Scheme != t.c.public.Scheme || !strings.EqualFold(at.Host, t.c.public.Host) ||
		!strings.HasPrefix(at.EscapedPath(), t.c.base+"/") || at.User != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as http.RoundTripper demands
		}
		return nil, fmt.Errorf("flowclient: asking %s: %w", at.Host, ErrElsewhere)
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host = t.c.url.Scheme, t.c.url.Host, t.c.public.Host
	q := request{endpoint: strings.TrimPrefix(at.EscapedPath(), t.c.base)}
	accept := out.Header.Get("Accept")
	t.c.headers(out.Header, t.v, q)
	if accept != "" {
		out.Header.Set("Accept", accept)
	}
	resp, err := t.c.transport.RoundTrip(out)
	if err != nil {
		return nil, unreachable(q, err)
	}
	if err := (reply{status: resp.StatusCode, header: resp.Header}).outage(q); err != nil {
		_ = resp.Body.Close() // nothing in it is authentik's
		return nil, err
	}
	resp.Body = bounded{io.LimitReader(resp.Body, t.c.maxBytes), resp.Body}
	return resp, nil
}

// A bounded body ends at a limit, and what cannot be read whole is no JSON.
type bounded struct {
	io.Reader
	io.Closer
}
