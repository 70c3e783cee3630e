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
	"regexp"
	"strconv"
	"strings"
	"time"
)

// request is one question to authentik's server.
type request struct {
	endpoint string      // for logs and errors: a name without anything of the visitor's
	path     string      // below authentik's root, with its query
	body     []byte      // of a POST; nil makes it a GET
	method   string      // where it is neither
	header   http.Header // of a browser in whose place it is made
	timeout  time.Duration
	image    bool
}

// reply is what came back.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	cookies Cookies
}

// own reports whether authentik itself spoke, and nothing in front of it.
func (r reply) own() bool { return r.header.Get("X-authentik-id") != "" }

// languages is what a language tag looks like (RFC 5646, 2.1), less what nobody
// writes any more.
var languages = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$`)

// maxLanguage is the length that RFC 5646 has everybody make room for (4.4.1).
const maxLanguage = 35

// language is what authentik says of its words, if it is one language: pages copy
// it where browsers choose a voice by it.
func (r reply) language() string {
	tag := r.header.Get("Content-Language")
	if len(tag) > maxLanguage || !languages.MatchString(tag) {
		return ""
	}
	return tag
}

// exchange is the one place where HTTP happens. An error means that authentik said
// nothing at all, or not with its own voice.
func (c *Client) exchange(ctx context.Context, v Visitor, q request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, max(c.timeout, q.timeout))
	defer cancel()
	if q.body != nil {
		v.Cookies = v.Cookies.guarded()
	}
	req, err := c.request(ctx, v, q)
	if err != nil {
		return reply{}, err
	}
	start := time.Now()
	// No http.Client, which would follow redirects to wherever they lead: only the
	// walk knows which of them are authentik's.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return reply{}, unreachable(q, err)
	}
	defer resp.Body.Close() //nolint:errcheck // Nothing is left to be done about it.
	c.log.DebugContext(ctx, "authentik answered",
		"method", req.Method, "endpoint", q.endpoint, "status", resp.StatusCode,
		"duration", time.Since(start), "request_id", resp.Header.Get("X-authentik-id"))
	return c.read(v, q, resp)
}

// read takes the body, up to the limit: net/http has decompressed it by then, so
// that a small answer cannot grow into a large one.
func (c *Client) read(v Visitor, q request, resp *http.Response) (reply, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBytes+1))
	if err != nil {
		return reply{}, unread(q, resp.StatusCode, err)
	}
	if int64(len(body)) > c.maxBytes {
		return reply{}, &UnexpectedError{Status: resp.StatusCode, Endpoint: q.endpoint, Err: errTooLarge}
	}
	r := reply{
		status: resp.StatusCode, header: resp.Header, body: body,
		cookies: v.Cookies.after(resp.Header, time.Now()),
	}
	return r, r.outage(q)
}

// outage tells what stands for authentik while it is away: the router in front of
// its core, or any other proxy. None of it is a "no".
func (r reply) outage(q request) error {
	if r.starting() {
		return &StartingError{RetryAfter: r.retryAfter()}
	}
	switch r.status {
	case http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("%w: status %d of %s", ErrUnreachable, r.status, q.endpoint)
	}
	return nil
}

// starting also knows the start-up answer of releases that give it with status
// 200, where only its shape tells it from a challenge.
func (r reply) starting() bool {
	if r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "" {
		return true
	}
	if r.status != http.StatusOK && r.status != http.StatusServiceUnavailable {
		return false
	}
	o, err := readObject(r.body)
	return err == nil && o.text("error") == "authentik starting" && !o.has("component")
}

func (r reply) retryAfter() time.Duration {
	n, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || n < 0 || n > 3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// unreachable drops the address from errors that name it: its query can hold
// one-time tokens.
func unreachable(q request, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return fmt.Errorf("%w: asking %s: %w", ErrUnreachable, q.endpoint, err)
}

// unread tells a connection that broke from a body that makes no sense.
func unread(q request, status int, err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return &UnexpectedError{Status: status, Endpoint: q.endpoint, Err: err}
	}
	return unreachable(q, err)
}

// request builds the request as authentik's browser client would, seen through a
// proxy. Nothing of the visitor's own request goes in but what is listed here.
func (c *Client) request(ctx context.Context, v Visitor, q request) (*http.Request, error) {
	host := c.host(v)
	if !hosts.MatchString(host) {
		return nil, fmt.Errorf("flowclient: asking %s: %w", q.endpoint, errHost)
	}
	if s := c.scheme(v); s != "http" && s != "https" {
		return nil, fmt.Errorf("flowclient: asking %s: %w", q.endpoint, errScheme)
	}
	method, body := http.MethodGet, io.Reader(nil)
	if q.body != nil {
		method, body = http.MethodPost, bytes.NewReader(q.body)
	}
	if q.method != "" {
		method = q.method
	}
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

func (c *Client) headers(h http.Header, v Visitor, q request) {
	h.Set("Accept", "application/json")
	if q.image {
		h.Set("Accept", "image/*")
	}
	h.Set("X-Forwarded-Proto", c.scheme(v))
	h.Set("X-Forwarded-Host", c.host(v))
	if v.Addr.IsValid() {
		// One address alone: of a list authentik would believe the first.
		h.Set("X-Forwarded-For", v.Addr.Unmap().WithZone("").String())
	}
	if l := printable(v.Language, 256); l != "" {
		h.Set("Accept-Language", l)
	}
	// Set even where it is empty, lest net/http give its own name.
	h.Set("User-Agent", printable(v.UserAgent, 512))
}

// printable shortens a header value that a visitor has chosen, and drops it where
// it holds what no header may.
func printable(s string, most int) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return ""
	}
	return s[:min(len(s), most)]
}
