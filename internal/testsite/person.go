package testsite

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A Person is a visitor of one site whose browser runs no scripts.
type Person struct {
	testing.TB
	Address string // of the site
	Browser *browser.Browser
}

// NewPerson opens a browser without cookies.
func NewPerson(t testing.TB, address string) *Person {
	t.Helper()
	return &Person{t, address, browser.New(Insecure())}
}

// Open loads a page of the site.
func (p *Person) Open(path string) *browser.Page {
	p.Helper()
	page, err := p.Browser.Open(p.Context(), p.Address+path)
	if err != nil {
		p.Fatal(err)
	}
	return page
}

// Enter fills in one field of a page, and sends its form.
func (p *Person) Enter(page *browser.Page, field, value string) *browser.Page {
	p.Helper()
	next, err := page.Submit(p.Context(), browser.Fields{field: value}, "")
	if err != nil {
		p.Fatal(err)
	}
	return next
}

// Credentials gives Jane's name and password, beginning at a first step.
func (p *Person) Credentials(page *browser.Page) *browser.Page {
	p.Helper()
	if !page.Has("uid_field") {
		p.Fatalf("got status %d at %s, want a first step:\n%s", page.Status, page.URL, page.Text())
	}
	return p.Enter(p.Enter(page, "uid_field", Jane), "password", Password)
}

// SignIn signs Jane in.
func (p *Person) SignIn() {
	p.Helper()
	p.Greeted(p.Credentials(p.Open("/")), "/")
}

// SignOut signs her out by the gate's own page.
func (p *Person) SignOut() {
	p.Helper()
	if _, err := p.Open("/.authentik/logout").Submit(p.Context(), nil, ""); err != nil {
		p.Fatal(err)
	}
}

// Greeted fails the test unless a page is the application's, at an address.
func (p *Person) Greeted(page *browser.Page, address string) {
	p.Helper()
	if page.Status != http.StatusOK || page.Heading() != "Hello "+JaneName || page.URL.RequestURI() != address {
		p.Fatalf("got status %d at %s, want the application at %s:\n%s", page.Status, page.URL, address, page.Text())
	}
}

// Cookies are a copy of the browser's cookies, such as a thief has. It stays as
// it is when the browser's own change.
func (p *Person) Cookies() Cookies {
	p.Helper()
	cookies, err := p.Browser.Cookies(p.Address)
	if err != nil || len(cookies) == 0 {
		p.Fatalf("got no cookies to copy: %v", err)
	}
	return cookies
}

// Cookies are names and values.
type Cookies map[string]string

// Header is the header by which a browser sends them.
func (c Cookies) Header() string {
	var pairs []string
	for name, value := range c {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// Status is what a request for / with these cookies gets at an address.
func (c Cookies) Status(t testing.TB, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", c.Header())
	res, err := Insecure().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// Insecure accepts the certificates that a test's servers make themselves.
func Insecure() *http.Transport {
	return &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate authority is as old as the test
		DisableKeepAlives: true,
	}
}
