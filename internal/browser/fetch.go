package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Fetch sends JSON as a script of the page does that calls the site's own API,
// and returns the status and the body of the answer. Redirects are followed, as
// GET. header holds pairs: a name and a value.
func (p *Page) Fetch(ctx context.Context, method, ref, body string, header ...string) (status int, text string, err error) {
	to, err := p.resolve(ref)
	if err != nil {
		return 0, "", err
	}
	for range maxRedirects {
		res, err := p.fetch(ctx, method, to, body, header)
		if err != nil {
			return 0, "", err
		}
		next, leads := res.redirect()
		if !leads {
			return res.Status, res.Body, nil
		}
		if to, err = to.Parse(next); err != nil {
			return 0, "", fmt.Errorf("browser: %s redirects to %q, which is not an address: %w", p.URL, next, err)
		}
		method, body = http.MethodGet, ""
	}
	return 0, "", fmt.Errorf("browser: fetching %s: got more than %d redirects", ref, maxRedirects)
}

// fetch makes one request of a script, and keeps the cookies of the answer.
func (p *Page) fetch(ctx context.Context, method string, to *url.URL, body string, header []string) (*Page, error) {
	req, err := p.browser.request(ctx, navigation{method: method, to: to, form: body, kind: "application/json", from: p})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Del("Upgrade-Insecure-Requests")
	if trustworthy(to) {
		req.Header.Set("Sec-Fetch-Mode", "cors")
		req.Header.Set("Sec-Fetch-Dest", "empty")
		req.Header.Del("Sec-Fetch-User")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := p.browser.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("browser: %s %s: %w", method, to, err)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("browser: %s %s: %w", method, to, err)
	}
	p.browser.jar.take(to, res.Header["Set-Cookie"])
	return &Page{Status: res.StatusCode, Header: res.Header, Body: strings.TrimSpace(string(text))}, nil
}
