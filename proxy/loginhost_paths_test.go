package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// Browsers send authentik's cookies only to the path that authentik lies below.
func TestLoginHost_BelowAPathNeedsItsPrefixThere(t *testing.T) {
	t.Parallel()
	at, _ := url.Parse("http://authentik:9000/auth/")
	client, err := flowclient.New(flowclient.Config{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, good := range map[string]bool{"": false, "/authentik": false, "/auth/.authentik": true} {
		cfg := Config{Client: client, Store: newStore(t), Prefix: prefix, Hosts: []string{"auth.example.com"}, Key: []byte(strings.Repeat("k", seal.MinKey)), LoginHost: new(LoginHostConfig)}
		g, err := New(cfg)
		if g != nil {
			_ = g.Close()
		}
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), "/auth/.authentik") {
			t.Errorf("prefix %q: got error %v, want one: %v, with the prefix to write", prefix, err, !good)
		}
	}
}

// Two authentiks can lie below two paths of one login host, with one store and key. A
// user of one must not open the applications of the other.
func TestLoginHost_OfAnotherPathSignsNobodyIn(t *testing.T) {
	t.Parallel()
	d := newDomains(t, func(origin string, cfg *Config) {
		if origin != wikiHost {
			return
		}
		staff, err := url.Parse(cfg.Client.Root() + "staff/")
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Client, err = flowclient.New(flowclient.Config{URL: staff}); err != nil {
			t.Fatal(err)
		}
	})
	jane := d.atAuthentik("jane", "open sesame")
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	page := jane.open(wikiHost + "/")
	jane.refused(page, string(fault.LoginHostUnknown))
	if got := d.reached(wikiHost); len(got) > 0 {
		t.Errorf("got %d requests at the application, want none", len(got))
	}
}

// A sign-out removes authentik's session from every path and domain that has one for
// the login host, whichever server has set it. A cookie with Partitioned is one of its own.
func TestLoginHost_SignOutRemovesTheCookieOfEachPath(t *testing.T) {
	t.Parallel()
	d := newDomains(t, func(origin string, cfg *Config) {
		if origin == authHost {
			cfg.Prefix = "/auth/.authentik"
		}
	})
	jane := d.atAuthentik("jane", "open sesame")
	d.evil = func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "authentik_session", Value: "x", Domain: "example.com", Path: "/", Secure: true})
	}
	jane.open(evilHost + "/")
	page := jane.open(authHost + "/auth/.authentik/logout")
	var set []string
	jane.watch = func(res *http.Response) { set = append(set, res.Header["Set-Cookie"]...) }
	jane.press(page, "Use another account")
	for _, path := range []string{"/", "/auth", "/auth/", "/auth/.authentik", "/auth/.authentik/", "/auth/.authentik/sign-in"} {
		for _, domain := range []string{"", "Domain=auth.example.com; ", "Domain=example.com; "} {
			for _, end := range []string{"", "; Partitioned"} {
				want := "authentik_session=; Path=" + path + "; " + domain + "Max-Age=0; HttpOnly; Secure; SameSite=Lax" + end
				if !slices.Contains(set, want) {
					t.Errorf("got the cookies %q, want %s", set, want)
				}
			}
		}
	}
}

// Neither a sign-out at the login host nor a ticket leads to another site, whatever
// stands in them.
func TestLoginHost_LeadsToNoOtherSite(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	at := d.gates[wikiHost].member.SignIn.Host
	jane.led(wikiHost+"/", request) // for the cookie of a visit
	ticket, err := at.Issue(t.Context(), host.Place{Gate: at.Gate.Name, Origin: wikiHost}, host.Ticket{
		Nonce: jane.nonce(wikiHost), Back: evilHost + "/", User: User{Username: "jane", UID: "jane"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var led []string
	jane.watch = func(res *http.Response) { led = append(led, res.Header.Get("Location")) }
	u, _ := url.Parse(jane.led(wikiHost+"/", callback))
	query := u.Query()
	query.Set("ticket", ticket)
	u.RawQuery = query.Encode()
	jane.open(u.String())
	form := url.Values{"to": {evilHost + "/"}, "switch": {"1"}}.Encode()
	page := jane.open(authHost + "/.authentik/logout")
	status, text, err := page.Fetch(t.Context(), http.MethodPost, "/.authentik/logout", form, "Content-Type", "application/x-www-form-urlencoded")
	if err != nil || status != http.StatusOK || strings.Contains(text, evilHost) {
		t.Errorf("got %d, %v and %s after the sign-out, want an address of this site", status, err, text)
	}
	if len(led) < 4 {
		t.Errorf("got the redirects %q, want those of the ticket", led)
	}
	for _, to := range led {
		if at, _ := url.QueryUnescape(to); strings.Contains(at, evilHost) {
			t.Errorf("got led to %s, want no other site, and none to be led to later", to)
		}
	}
}
