package flowclient

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// request is one HTTP request to authentik.
type request struct {
	endpoint string      // a name for logs and errors, without data of the visitor
	path     string      // the path below authentik's root, with its query
	body     []byte      // the body of a POST; without it, the request is a GET
	method   string      // the method, if it is neither of these
	header   http.Header // the header of the browser whose request is relayed
	timeout  time.Duration
	limit    int64 // the maximum size of the answer's body, in bytes
	image    bool
}

// request builds the request that authentik's own web interface would send
// through a proxy. It contains nothing else of the visitor's own request.
func (c *Client) request(ctx context.Context, v Visitor, q request) (*http.Request, error) {
	host := c.host(v)
	if !hosts.MatchString(host) {
		return nil, fmt.Errorf("flowclient: asking %s: %w", q.endpoint, errHost)
	}
	if s := c.scheme(v); s != "http" && s != "https" {
		return nil, fmt.Errorf("flowclient: asking %s: %w", q.endpoint, errScheme)
	}
	method, body := q.content()
	req, err := http.NewRequestWithContext(ctx, method, c.url.Scheme+"://"+c.url.Host+c.base+q.path, body)
	if err != nil {
		return nil, fmt.Errorf("flowclient: asking %s: %w", q.endpoint, errUnreadable)
	}
	req.Host = host
	c.headers(req.Header, v, q)
	q.pass(req.Header)
	v.Cookies.send(req)
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", c.origin(v))
		if token := v.Cookies[csrfCookie]; token != "" {
			req.Header.Set(csrfHeader, token)
		}
	}
	return req, nil
}

// content returns the method and the body.
func (q request) content() (method string, body io.Reader) {
	method = http.MethodGet
	if q.body != nil {
		method, body = http.MethodPost, bytes.NewReader(q.body)
	}
	if q.method != "" {
		method = q.method
	}
	return method, body
}

func (c *Client) headers(h http.Header, v Visitor, q request) {
	h.Set("Accept", "application/json")
	if q.image {
		h.Set("Accept", "image/*")
	}
	h.Set("X-Forwarded-Proto", c.scheme(v))
	h.Set("X-Forwarded-Host", c.host(v))
	if v.Addr.IsValid() {
		// A single address: authentik trusts the first of a list.
		h.Set("X-Forwarded-For", v.Addr.Unmap().WithZone("").String())
	}
	if l := printable(v.Language, 256); l != "" {
		h.Set("Accept-Language", l)
	}
	// Set even if it is empty; net/http would send its own name otherwise.
	h.Set("User-Agent", printable(v.UserAgent, 512))
}

// printable shortens a header value that a visitor has chosen. A value with a
// character that headers must not contain becomes empty.
func printable(s string, most int) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return ""
	}
	return s[:min(len(s), most)]
}
