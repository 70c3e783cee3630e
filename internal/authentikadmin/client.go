// Package authentikadmin is a client of authentik's API for administrators. It
// has only the calls that setting a site up and examining it need. It depends
// only on the standard library and on package plain. It is never linked with
// the path of a request: an administrator's token is for commands that a person
// runs.
//
//   - client.go: sending requests
//   - errors.go: what a refusal means, and which right is missing
//   - release.go: comparing releases
//   - objects.go, calls.go: the objects, and the calls
package authentikadmin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 8 << 20

// maxPages is how many pages of a list are read.
const maxPages = 200

// A Token is an API token of authentik. Logs and errors never contain it.
type Token string

// String hides the token.
func (Token) String() string { return "[hidden]" }

// GoString hides the token.
func (Token) GoString() string { return "[hidden]" }

// LogValue hides the token.
func (Token) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// A Client sends requests to the API of one authentik.
type Client struct {
	URL   *url.URL // authentik's address, with its web.path if it has one
	Token Token
	HTTP  *http.Client // must not follow redirects; see [NoRedirects]
}

// NoRedirects is a CheckRedirect for [Client.HTTP]. authentik's API never
// redirects, and a token must not follow a redirect.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// call sends a request and decodes the answer into into, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	if body == nil {
		return c.send(ctx, method, path, query, nil, into)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return c.send(ctx, method, path, query, text, into)
}

// send is call with an encoded body; nil means no body.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	at := c.URL.JoinPath("api/v3", path)
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+string(c.Token))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.HTTP.Do(req) //nolint:gosec // the operator gives the address
	if err != nil {
		return fmt.Errorf("asking authentik's API (%s %s): %w", method, path, withoutAddress(err))
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("reading the answer of authentik's API (%s %s): %w", method, path, err)
	}
	return read(method, path, res, text, into)
}

// read decodes an answer. If the status is not the wanted one, it returns an
// error.
func read(method, path string, res *http.Response, text []byte, into any) error {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	switch {
	case res.StatusCode/100 == 3:
		return &UnexpectedError{Request: method + " " + path, Status: res.StatusCode, What: "a redirect to " + origin(res.Header.Get("Location"))}
	case res.StatusCode == http.StatusNoContent, res.StatusCode/100 == 2 && into == nil:
		return nil
	case kind != "application/json":
		return &UnexpectedError{Request: method + " " + path, Status: res.StatusCode, What: "no JSON"}
	case res.StatusCode/100 != 2:
		return refused(method, path, res.StatusCode, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &UnexpectedError{Request: method + " " + path, Status: res.StatusCode, What: "JSON of another kind"}
	}
	return lacking(method+" "+path, text, into)
}

// lacking returns an error if an object of authentik lacks a field without which
// this package would treat it as another object.
func lacking(request string, text []byte, object any) error {
	o, ok := object.(interface{ needs() []string })
	if !ok {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for _, name := range o.needs() {
		if _, there := fields[name]; !there {
			return &MissingError{Request: request, Field: name}
		}
	}
	return nil
}

// withoutAddress returns the cause of a client's error, without the whole
// address that the error has.
func withoutAddress(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// origin returns the scheme and host of an address, without secrets.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "another path"
	}
	return plain.Line(u.Scheme + "://" + u.Host)
}

// A page is one page of a list.
type page[T any] struct {
	Pagination struct {
		Next int `json:"next"`
	} `json:"pagination"`
	Results []T `json:"results"`
}

// list reads all pages of a list.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) (all []T, err error) {
	asked := url.Values{"page_size": {"100"}}
	for name, values := range query {
		asked[name] = values
	}
	for n := 1; n > 0 && n <= maxPages; {
		asked.Set("page", strconv.Itoa(n))
		var one page[json.RawMessage]
		if err := c.call(ctx, http.MethodGet, path, asked, nil, &one); err != nil {
			return nil, err
		}
		for _, text := range one.Results {
			var object T
			if json.Unmarshal(text, &object) != nil {
				return nil, &UnexpectedError{Request: http.MethodGet + " " + path, Status: http.StatusOK, What: "JSON of another kind"}
			}
			if err := lacking(http.MethodGet+" "+path, text, &object); err != nil {
				return nil, err
			}
			all = append(all, object)
		}
		if one.Pagination.Next <= n {
			return all, nil
		}
		n = one.Pagination.Next
	}
	return all, nil
}
