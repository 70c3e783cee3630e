package testsite

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
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

// AtAuthentik signs Jane in on authentik's own page of a flow, as the scripts of that
// page do, and shows [Code] if it is asked for. It opens where the flow leads.
func (p *Person) AtAuthentik(page *browser.Page) *browser.Page {
	p.Helper()
	slug, ok := strings.CutPrefix(page.URL.Path, "/if/flow/")
	if !ok {
		p.Fatalf("got status %d at %s, want authentik's page of a flow:\n%s", page.Status, page.URL, page.Text())
	}
	at := "/api/v3/flows/executor/" + slug + "?query=" + url.QueryEscape(page.URL.RawQuery)
	answers := map[string]string{
		"ak-stage-identification":         `{"component": "ak-stage-identification", "uid_field": "` + Jane + `"}`,
		"ak-stage-password":               `{"component": "ak-stage-password", "password": "` + Password + `"}`,
		"ak-stage-authenticator-validate": `{"component": "ak-stage-authenticator-validate", "code": "` + Code + `"}`,
	}
	method, answer := http.MethodGet, ""
	for range len(answers) + 1 {
		cookies, _ := p.Browser.Cookies(page.URL.String())
		status, text, err := page.Fetch(p.Context(), method, at, answer, "X-Authentik-Csrf", cookies["authentik_csrf"])
		var asked struct{ Component, To string }
		if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &asked) != nil {
			p.Fatalf("got status %d, %v at the executor: %s", status, err, text)
		}
		if asked.Component == "xak-flow-redirect" {
			to, err := page.URL.Parse(asked.To)
			if err != nil {
				p.Fatal(err)
			}
			next, err := p.Browser.Open(p.Context(), to.String())
			if err != nil {
				p.Fatal(err)
			}
			return next
		}
		method, answer = http.MethodPost, answers[asked.Component]
	}
	p.Fatalf("got no end of the flow at %s", page.URL)
	return nil
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
