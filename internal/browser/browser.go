// Package browser is a client that behaves like a browser without scripts: it
// keeps cookies by the rules of RFC 6265bis, sends the headers of browsers
// (Fetch Metadata, Origin, Referer), follows redirects, and fills in the forms
// of a page as a person could. Tests drive a site with it. It loads no pictures
// and no style sheets.
//
// browser.go goes from page to page, request.go writes the headers, jar.go
// keeps the cookies, page.go reads a page, form.go fills in its forms, and
// script.go does what a page's scripts would do.
package browser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/html"
)

// Limits of one page load.
const (
	maxRedirects = 20 // as in Chromium and Firefox
	maxPage      = 4 << 20
)

// A Browser is one browser profile, whose windows share cookies. It is safe for
// concurrent use.
type Browser struct {
	// UserAgent and Language are sent to every site. Language is the value of
	// Accept-Language, which is not sent if it is empty.
	UserAgent, Language string

	transport http.RoundTripper
	jar       *jar
}

// New opens a browser with an empty profile. The transport carries its
// requests; nil stands for [http.DefaultTransport].
func New(transport http.RoundTripper) *Browser {
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &Browser{
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		Language:  "en-US,en;q=0.5",
		transport: transport,
		jar:       newJar(time.Now),
	}
}

// Open loads an address as if it had been typed.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return b.load(ctx, navigation{method: http.MethodGet, to: u})
}

// Cookies returns the cookies that the browser would send to an address that is
// typed: the values by their names.
func (b *Browser) Cookies(address string) (map[string]string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	values := map[string]string{}
	for _, c := range b.jar.of(u, navigation{method: http.MethodGet, to: u}) {
		values[c.name] = c.value
	}
	return values, nil
}

// DropCookies deletes all cookies, as a person can.
func (b *Browser) DropCookies() { b.jar.clear() }

// A navigation is one page load: what is requested, and which page led there.
type navigation struct {
	method string
	to     *url.URL
	form   string // the body of a POST
	kind   string // the body's Content-Type
	from   *Page  // nil for an address that was typed
	strays bool   // a redirect led to another site
	hidden bool   // a redirect to another origin hides the origin of a form
}

// load follows a navigation to its page.
func (b *Browser) load(ctx context.Context, n navigation) (*Page, error) {
	for range maxRedirects {
		if n.to.Scheme != "http" && n.to.Scheme != "https" || n.to.Host == "" {
			return nil, fmt.Errorf("browser: opening %s: want an address with http or https and a host", n.to)
		}
		page, err := b.send(ctx, n)
		if err != nil {
			return nil, err
		}
		to, leads := page.redirect()
		if !leads {
			return page, nil
		}
		next, err := n.to.Parse(to)
		if err != nil {
			return nil, fmt.Errorf("browser: %s redirects to %q, which is not an address: %w", n.to, to, err)
		}
		n = n.redirected(page.Status, next)
	}
	return nil, fmt.Errorf("browser: opening %s: got more than %d redirects", n.to, maxRedirects)
}

// send makes one request, and keeps the cookies of the answer.
func (b *Browser) send(ctx context.Context, n navigation) (*Page, error) {
	req, err := b.request(ctx, n)
	if err != nil {
		return nil, err
	}
	res, err := b.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("browser: %s %s: %w", n.method, n.to, err)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPage+1))
	err = errors.Join(err, res.Body.Close())
	if err == nil && len(body) > maxPage {
		err = fmt.Errorf("the page is larger than %d bytes", maxPage)
	}
	if err != nil {
		return nil, fmt.Errorf("browser: %s %s: %w", n.method, n.to, err)
	}
	b.jar.take(n.to, res.Header["Set-Cookie"])
	doc, err := html.ParseWithOptions(bytes.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		return nil, fmt.Errorf("browser: %s: %w", n.to, err)
	}
	return &Page{Status: res.StatusCode, URL: n.to, Header: res.Header, Body: string(body), browser: b, doc: doc}, nil
}

// redirect returns where an answer leads. A redirect without a Location is a
// page.
func (p *Page) redirect() (to string, leads bool) {
	switch p.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to = p.Header.Get("Location")
	}
	return to, to != ""
}

// redirected is the request that follows a redirect (Fetch, "HTTP-redirect
// fetch"): only 307 and 308 send a form again.
func (n navigation) redirected(status int, to *url.URL) navigation {
	next := n
	next.to = to
	next.strays = n.strays || n.from != nil && !sameSite(n.to, to)
	next.hidden = n.hidden || n.from != nil && origin(n.to) != origin(to) && origin(n.to) != origin(n.from.URL)
	again := status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
	if n.method == http.MethodPost && !again {
		next.method, next.form = http.MethodGet, ""
	}
	return next
}
