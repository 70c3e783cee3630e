package sidecar

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// Explain says of each request what then happens, and changes nothing.
func TestExplain_AgreesWithTheVerdict(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, func(c *proxy.Config) {
			c.Open = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/open") }
		})
		p := n.person(t, "https://wiki.example.com")
		p.SignIn()
		signedIn := p.Cookies().Header()
		for name, tt := range map[string]struct {
			address  string
			header   http.Header
			change   func(*http.Request)
			decision string
			says     string
		}{
			"signed in":      {address: "https://wiki.example.com/a", header: http.Header{"Cookie": {signedIn}}, decision: "pass", says: "the other proxy is " + string(dialect)},
			"no session":     {address: "https://wiki.example.com/a", decision: "sign-in", says: "redirected to the sign-in page"},
			"another site":   {address: "https://vault.example.com/a", header: http.Header{"Accept": {"application/json"}}, decision: "refuse", says: "gets 401"},
			"open":           {address: "https://wiki.example.com/open", decision: "open", says: "it needs no sign-in"},
			"unknown site":   {address: "https://nowhere.example.com/", decision: "refuse", says: `no site is "nowhere.example.com"`},
			"another peer":   {address: "https://wiki.example.com/a", change: func(r *http.Request) { r.RemoteAddr = "10.0.0.3:1" }, decision: "refuse", says: "not listed in from: 10.0.0.3:1"},
			"own address":    {address: "https://wiki.example.com/.authentik/login", decision: "refuse", says: "one of the gate's own addresses"},
			"no description": {address: "https://wiki.example.com/a", change: func(r *http.Request) { r.Header.Del("X-Forwarded-For") }, decision: "refuse", says: "X-Forwarded-For is missing"},
		} {
			made := func() *http.Request {
				r := load(tt.address)
				for header, values := range tt.header {
					r.Header[header] = values
				}
				ask := described(r, dialect)
				if tt.change != nil {
					tt.change(ask)
				}
				return ask
			}
			ask := made()
			e, gate := n.Explain(ask)
			if steps := strings.Join(e.Steps, "; "); e.Decision != tt.decision || !strings.Contains(steps, tt.says) {
				t.Errorf("%s: got %s with %q, want %s with %q", name, e.Decision, steps, tt.decision, tt.says)
			}
			if ask.Method+ask.RequestURI+ask.Host != made().Method+made().RequestURI+made().Host || len(ask.Header) != len(made().Header) {
				t.Errorf("%s: got the request changed", name)
			}
			passes := e.Decision == "pass" || e.Decision == "open"
			if got := n.answer(made()).Code; (got == http.StatusOK) != passes {
				t.Errorf("%s: got status %d, want what was explained: %s", name, got, e.Decision)
			}
			if passes && (gate == nil || e.At.Site != "https://wiki.example.com" || e.At.Client != clientAddress) {
				t.Errorf("%s: got %+v, want the described request", name, e.At)
			}
		}
		own := passedOn(load("https://wiki.example.com/.authentik/login"))
		if e, gate := n.Explain(own); e.Decision != "own" || gate == nil {
			t.Errorf("passed on: got %s, want own", e.Decision)
		}
	})
}

// A header that the client has made up is removed, or the request is refused if the
// other proxy cannot be told to.
func TestExplain_SaysWhatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, func(c *proxy.Config) { c.Open = func(*http.Request) bool { return true } })
		r := load("https://wiki.example.com/a")
		r.Header["Remote_user"] = []string{"eve"}
		e, _ := n.Explain(described(r, dialect))
		status := n.answer(described(r, dialect)).Code
		if (e.Decision == "open") != (status == http.StatusOK) || e.Decision != "open" && !strings.Contains(strings.Join(e.Steps, ";"), "Remote_user") {
			t.Errorf("got %s (%q), want what happens: %d", e.Decision, e.Steps, status)
		}
	})
}
