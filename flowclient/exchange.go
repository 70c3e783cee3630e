package flowclient

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// exchange sends one request and reads the answer. Only it and the carrier of
// Relay.HTTP send requests in this package. An error means that authentik gave
// no answer, or that the answer was not authentik's.
func (c *Client) exchange(ctx context.Context, v Visitor, q request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, max(c.timeout, q.timeout))
	defer cancel()
	if q.body != nil {
		v.Cookies = v.Cookies.withCSRF()
	}
	req, err := c.request(ctx, v, q)
	if err != nil {
		return reply{}, err
	}
	p, err := c.circuit.enter(q.timeout > c.timeout)
	if err != nil {
		return reply{}, unreachable(q, err)
	}
	start := time.Now()
	resp, err := c.send(req, q)
	if err != nil {
		c.failed(ctx, q, p, err)
		return reply{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // The answer has been read.
	c.log.DebugContext(ctx, "authentik answered",
		"method", req.Method, "endpoint", q.endpoint, "status", resp.StatusCode,
		"duration", time.Since(start), "request_id", resp.Header.Get("X-authentik-id"))
	body, err := c.body(ctx, resp)
	if err != nil && errors.Is(err, ctx.Err()) {
		c.failed(ctx, q, p, err)
	} else {
		p.succeed()
	}
	return c.read(v, q, resp, body, err)
}

// body reads the body of an answer. It reads only a few large ones at a time.
func (c *Client) body(ctx context.Context, resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= largeAnswer {
		body.Grow(int(n) + bytes.MinRead)
	}
	if _, err := io.CopyN(&body, resp.Body, largeAnswer); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return body.Bytes(), err
	}
	select {
	case c.large <- struct{}{}:
		defer func() { <-c.large }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	_, err := body.ReadFrom(resp.Body)
	return body.Bytes(), err
}

// send sends a request and limits the body of the answer. It uses no http.Client,
// which would follow redirects to any address: only a walk knows which of them are
// authentik's.
func (c *Client) send(req *http.Request, q request) (*http.Response, error) {
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, unreachable(q, err)
	}
	if req.URL.Scheme == "http" {
		if err := plainRefusal(resp); err != nil {
			_ = resp.Body.Close() // the answer is not authentik's
			return nil, unreachable(q, err)
		}
	}
	if gated(resp.Header) {
		_ = resp.Body.Close() // the answer is not authentik's
		return nil, &UnexpectedError{Status: resp.StatusCode, Endpoint: q.endpoint, Err: ErrBehindGate}
	}
	resp.Body = limited(resp, q)
	return resp, nil
}

// GateHeader marks a response that a gate, and not the application, sends to a
// client that has to sign in.
const GateHeader = "X-Authentik-Gate"

// gated reports whether a gate has answered. Older gates did not mark all such
// responses.
func gated(h http.Header) bool {
	return h.Get(GateHeader) != "" || strings.HasPrefix(h.Get("WWW-Authenticate"), "authentik login_url=")
}

// read reads an answer with its body. net/http has decompressed it, and the
// limit of the request applies to the result, so a small answer cannot become a
// large one.
func (c *Client) read(v Visitor, q request, resp *http.Response, body []byte, err error) (reply, error) {
	if err != nil && (!errors.Is(err, errTooLarge) || !unavailable(resp.StatusCode)) {
		return reply{}, unread(q, resp.StatusCode, err)
	}
	r := reply{
		status: resp.StatusCode, header: resp.Header, body: body,
		cookies: v.Cookies.After(resp.Header, time.Now()), until: sessionUntil(resp.Header, time.Now()),
	}
	return r, r.outage(q)
}

// limitedBody is a body that fails once it is longer than its limit. An
// io.LimitedReader would seem to end there.
type limitedBody struct {
	io.ReadCloser
	left int64
	over error
}

// limited returns the body of an answer with the limit of its request. If the
// header announces a longer body, it is refused before any of it is read.
func limited(resp *http.Response, q request) *limitedBody {
	b := &limitedBody{
		ReadCloser: resp.Body, left: q.limit,
		over: &UnexpectedError{Status: resp.StatusCode, Endpoint: q.endpoint, Err: errTooLarge},
	}
	if resp.ContentLength > b.left && resp.Body != http.NoBody { // an answer to HEAD has only the length
		b.left = -1
	}
	return b
}

// Read reads up to the limit. One byte more makes it fail.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.over
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if int64(n) > b.left {
		n, b.left = int(b.left), -1
		return n, b.over
	}
	b.left -= int64(n)
	return n, err
}

// unreachable returns the error of a request that was not answered. It removes
// the address that some errors contain: its query can have one-time tokens.
func unreachable(q request, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if te := tlsError(err); te != nil {
		err = te
	}
	return fmt.Errorf("%w: asking %s: %w", ErrUnreachable, q.endpoint, err)
}

// unread returns the error of a body that could not be read. It distinguishes a
// broken connection from a body that is too long or cannot be decompressed.
func unread(q request, status int, err error) error {
	if errors.Is(err, errTooLarge) {
		return err
	}
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return &UnexpectedError{Status: status, Endpoint: q.endpoint, Err: err}
	}
	return unreachable(q, err)
}
