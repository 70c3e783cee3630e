package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// TestRedirect_LostDepartureBeginsAgain has the browser come back with a cookie that is not the one it left with any more, and
// too late. authentik knows the visitor, and asks nothing.
func TestRedirect_LostDepartureBeginsAgain(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*site, *person){
		"another cookie": func(s *site, p *person) { p.setCookie(cookieNames(s.gate).Visit, seal.NewSecret().Cookie()) },
		"no cookie":      func(s *site, p *person) { p.setCookie(cookieNames(s.gate).Visit, "") },
		"too late":       func(s *site, _ *person) { s.clock.move(31 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRedirectSite(t, func(reg *registration) { reg.provider.CodeValidity = time.Hour })
			p, a := s.person(t), &stranger{site: s}
			callback := a.authorize(t, p.departs("/report?month=5"), "jane", "open sesame")
			lose(s, p)
			again := p.departs(callback)
			if page := p.open(a.authorize(t, again, "", "")); page.body != "hello jane" || page.path != "/report?month=5" {
				t.Errorf("got status %d at %s: %s", page.status, page.path, page.body)
			}
		})
	}
}

// TestRedirect_BrowserWithoutCookiesIsNotSentInALoop follows one that keeps nothing at all.
func TestRedirect_BrowserWithoutCookiesIsNotSentInALoop(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	p.http.Jar = nil
	again := p.departs(a.authorize(t, p.departs("/report"), "jane", "open sesame"))
	page := p.open(a.authorize(t, again, "", ""))
	if page.status != http.StatusBadRequest || s.reached() > 0 {
		t.Errorf("got status %d at %s", page.status, page.path)
	}
	page.says(t, string(fault.VisitLost))
	page.says(t, `href="/.authentik/login?to=%2Freport"`)
}

// TestRedirect_ForeignCodeSignsNoUserIn sends a victim to where authentik has sent an attacker. The code is never redeemed, and
// the victim signs in as themselves.
func TestRedirect_ForeignCodeSignsNoUserIn(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	attacker, jane := &stranger{site: s}, &stranger{site: s}
	callback := attacker.authorize(t, s.person(t).departs("/"), "joe", "let me in")
	elsewhere := strings.Replace(callback, "state=", "state=x.Ly9ldmlsLmV4YW1wbGUuY29t&was=", 1) // //evil.example.com
	query, err := url.ParseQuery(elsewhere[strings.Index(elsewhere, "?")+1:])
	if err != nil {
		t.Fatal(err)
	}
	query.Del("was")
	for name, address := range map[string]string{
		"as it is": callback, "with a way back elsewhere": "/.authentik/callback?" + query.Encode(),
		"without a state": "/.authentik/callback?code=" + query.Get("code"),
	} {
		victim := s.person(t)
		victim.open("/.authentik/session") // has no cookie yet
		to := victim.departs(address)
		if victim.cookie(cookieNames(s.gate).Session) != "" || strings.Contains(to.String(), query.Get("code")) {
			t.Fatalf("%s: got signed in or the code passed on to %s, want neither", name, to)
		}
		if page := victim.open(jane.authorize(t, to, "jane", "open sesame")); page.body != "hello jane" || page.path != "/" {
			t.Errorf("%s: got status %d at %s: %s", name, page.status, page.path, page.body)
		}
	}
}

// TestRedirect_LinkOfAuthentiksEndsSignedIn comes back from one of authentik's pages whose way on is the request of a visit on the gate's page,
// as links in mails have it: its state is a random text, and nothing of the visit is in the browser that opens the link.
func TestRedirect_LinkOfAuthentiksEndsSignedIn(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	request := authn.NewRequest(exchange.Origin(s.place()) + "/.authentik/callback")
	address, err := s.gate.member.SignIn.OIDC.AuthorizeURL(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	again := p.departs(a.authorize(t, to, "jane", "open sesame"))
	if page := p.open(a.authorize(t, again, "", "")); page.body != "hello jane" || page.path != "/" {
		t.Errorf("got status %d at %s: %s", page.status, page.path, page.body)
	}
}
