package sites

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// maxRedirects is the longest chain of redirects that a site may lead through.
const maxRedirects = 10

// secretLength is the length of the secrets in the gates' cookies, which open a
// session under whatever name they are sent.
const secretLength = 43

// A person has their own browser. They may sign in as any user.
type person struct {
	*world
	name    string
	browser *browser.Browser
	h1, h2  *proxyInFront

	users   map[string]bool           // whose password was given in this browser
	entered map[realm]map[string]bool // the same, for a gate of this realm
	tabs    []tab
	streams []stream
	given   map[string]bool // cookies that the site has set, and secrets in them
	hops    int             // requests since the last click

	// calledBack says that the browser has opened a callback by itself. That begins
	// a sign-in at authentik, which asks nothing of a user whom it knows.
	calledBack bool
}

// A tab is a page in front of a person who wants to sign in.
type tab struct {
	page  *browser.Page
	gates []gate // that led there
	user  string
}

var traces atomic.Int64

func newPerson(w *world, i int) *person {
	p := &person{
		world: w, name: fmt.Sprintf("browser %d", i),
		users: map[string]bool{}, entered: map[realm]map[string]bool{}, given: map[string]bool{},
	}
	p.connect(i)
	p.browser = browser.New(p)
	return p
}

// connect makes new connections: a server that is replaced goes on with those of
// HTTP/2 without TLS.
func (p *person) connect(i int) {
	h2 := new(http.Protocols)
	h2.SetUnencryptedHTTP2(true)
	if p.h2 != nil {
		p.h2.transport.CloseIdleConnections()
	}
	p.h1, p.h2 = p.wire(nil), p.wire(h2)
	p.h1.client = fmt.Sprintf("198.51.100.%d", i+1)
	p.h2.client = p.h1.client
}

// RoundTrip carries what the browser sends, and looks at what reaches the
// application.
func (p *person) RoundTrip(r *http.Request) (*http.Response, error) {
	p.hops++
	return p.send(r, p.h1, p)
}

// send makes a request with cookies of someone.
func (p *person) send(r *http.Request, by *proxyInFront, whose *person) (*http.Response, error) {
	id := fmt.Sprint(traces.Add(1))
	r.Header.Set(trace, id)
	res, err := by.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, c := range res.Cookies() {
		if c.Value != "" && strings.HasSuffix(r.URL.Hostname(), domain) {
			p.given[c.Name+"="+c.Value] = true
			p.given[c.Value] = p.given[c.Value] || len(c.Value) == secretLength
		}
	}
	seen := p.app.request(id)
	if seen != nil {
		p.judge(r, seen, whose)
	}
	p.judgeResponse(r, res, seen, whose)
	return res, nil
}

// click does something with a page. It looks at the chain of redirects.
func (p *person) click(what string, do func() (*browser.Page, error)) *browser.Page {
	p.hops = 0
	page, err := do()
	switch {
	case p.hops > 1+maxRedirects:
		p.fault("%s: %s: a chain of %d redirects, want at most %d", p.name, what, p.hops-1, maxRedirects)
	case err != nil && p.Err() == nil:
		p.fault("%s: %s: %w", p.name, what, err)
	}
	return page
}

// visit opens a path of the site.
func (p *person) visit(host int, path string) *browser.Page {
	p.calledBack = p.calledBack || strings.Contains(path, "/callback")
	return p.click("open "+path, func() (*browser.Page, error) {
		return p.browser.Open(p, p.origin(host, p.port)+path)
	})
}

// begin opens a path to sign in as a user.
func (p *person) begin(host int, path, user string) {
	_, closed := p.covering(host, path)
	if page := p.visit(host, path); page != nil {
		p.tabs = append(p.tabs, tab{page, closed, user})
	}
}

// step goes on in a tab, and reports whether it can go on further.
func (p *person) step(i int, wrong bool) bool {
	t := &p.tabs[i]
	next, asked := t.page, true
	secret := password(t.user)
	if wrong {
		secret = "wrong"
	}
	switch {
	case strings.HasPrefix(t.page.URL.Path, "/if/flow/"):
		next = p.interfaced(*t, secret)
	case t.page.Has("uid_field") && t.page.Has("password"):
		p.enter(t)
		next = p.submit(t.page, browser.Fields{"uid_field": t.user, "password": secret})
	case t.page.Has("uid_field"):
		next = p.submit(t.page, browser.Fields{"uid_field": t.user})
	case t.page.Has("password"):
		p.enter(t)
		next = p.submit(t.page, browser.Fields{"password": secret})
	default:
		asked = false
	}
	if next == nil || !asked {
		p.tabs = append(p.tabs[:i], p.tabs[i+1:]...)
		return false
	}
	t.page = next
	return true
}

func (p *person) submit(page *browser.Page, fields browser.Fields) *browser.Page {
	return p.click("answer "+page.URL.Path, func() (*browser.Page, error) { return page.Submit(p, fields, "") })
}

// enter notes that the password of a user is given for the gates of a tab.
func (p *person) enter(t *tab) {
	p.users[t.user] = true
	for _, g := range t.gates {
		if p.entered[g.realm()] == nil {
			p.entered[g.realm()] = map[string]bool{}
		}
		p.entered[g.realm()][t.user] = true
	}
}

// interfaced does what authentik's own interface does on its page of a flow, up
// to the page that it leads to.
//
// All relays of a host share its paths: the sign-in is for the one that was
// begun last.
func (p *person) interfaced(t tab, secret string) *browser.Page {
	for _, g := range p.gates {
		if g.login == "relay" && t.page.URL.Hostname() == hostOf(g.host) {
			t.gates = append(slices.Clone(t.gates), g)
		}
	}
	answer := map[string]any(nil)
	for range 6 {
		challenge := p.executor(t.page, answer)
		answer = map[string]any{"component": challenge["component"]}
		switch challenge["component"] {
		case "ak-stage-identification":
			answer["uid_field"] = t.user
			if challenge["password_fields"] == true {
				p.enter(&t)
				answer["password"] = secret
			}
		case "ak-stage-password":
			p.enter(&t)
			answer["password"] = secret
		case "xak-flow-redirect":
			to, err := t.page.URL.Parse(fmt.Sprint(challenge["to"]))
			if err != nil {
				return nil
			}
			return p.click("leave "+t.page.URL.Path, func() (*browser.Page, error) { return p.browser.Open(p, to.String()) })
		default:
			return nil
		}
	}
	return nil
}

// executor asks the flow executor, or answers it.
func (p *person) executor(page *browser.Page, answer map[string]any) (challenge map[string]any) {
	slug := strings.Trim(strings.TrimPrefix(page.URL.Path, "/if/flow/"), "/")
	at := "/api/v3/flows/executor/" + url.PathEscape(slug) + "/?query=" + url.QueryEscape(page.URL.RawQuery)
	method, body := http.MethodGet, ""
	if answer != nil {
		text, _ := json.Marshal(answer)
		method, body = http.MethodPost, string(text)
	}
	cookies, _ := p.browser.Cookies(page.URL.String())
	_, text, err := page.Fetch(p, method, at, body, "X-Authentik-Csrf", cookies["authentik_csrf"])
	if err == nil {
		_ = json.Unmarshal([]byte(text), &challenge)
	}
	return challenge
}

// signOut signs out at a host, and reports whether the gate there has done so.
func (p *person) signOut(host int) bool {
	page := p.visit(host, p.ownPath("/logout"))
	if page == nil || len(page.Buttons()) == 0 {
		return false
	}
	page = p.submit(page, nil)
	return page != nil && page.Status < http.StatusBadRequest
}

// cookies are those that the browser sends to a host.
func (p *person) cookies(host int) map[string]string {
	cookies, err := p.browser.Cookies(p.origin(host, p.port) + "/")
	if err != nil {
		p.fault("%s: %w", p.name, err)
	}
	return maps.Clone(cookies)
}
