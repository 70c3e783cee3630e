package proxy

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// pageOrHost has visitors of the files sign in on a page there, or else at the
// login host.
func pageOrHost(origin string, cfg *Config) {
	if origin == filesHost {
		cfg.Login = LoginPage
	}
}

// enter fills in one field of a page, and sends its form.
func (g *guest) enter(page *browser.Page, field, value string) *browser.Page {
	g.Helper()
	next, err := page.Submit(g.Context(), browser.Fields{field: value}, "")
	if err != nil {
		g.Fatal(err)
	}
	return next
}

// A page that can do what authentik wants needs no login host, and its sessions
// have authentik's cookies themselves.
func TestElsewhere_PageSignsInByItself(t *testing.T) {
	t.Parallel()
	d := newDomains(t, pageOrHost)
	jane := d.guest()
	page := jane.open(filesHost + "/f?x=1")
	if page.URL.Path != "/.authentik/login" {
		t.Fatalf("got status %d at %s, want the page of the site", page.Status, page.URL)
	}
	page = jane.enter(jane.enter(page, "uid_field", "jane"), "password", "open sesame")
	jane.greeted(page, filesHost+"/f?x=1", "jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	jane.asked(jane.open(wikiHost + "/")) // authentik's own host knows nothing of it
	jane.press(jane.open(filesHost+"/.authentik/logout"), "Sign out")
	if got := d.authentik.SessionsOf("jane"); got != 0 {
		t.Errorf("got %d sessions at authentik after the sign-out, want none", got)
	}
}

// What the page cannot do leads to the login host and back, without a client_id. The
// session rests on authentik's own there, and ends with it.
func TestElsewhere_DeadEndLeadsToTheLoginHostAndBack(t *testing.T) {
	t.Parallel()
	d := newDomains(t, pageOrHost)
	jane := d.guest()
	there := filesHost + "/.authentik/login?at=authentik&to=" + url.QueryEscape("/f?x=1")
	page := jane.open(there)
	jane.asked(page)
	jane.greeted(jane.finish(page, "jane", "open sesame"), filesHost+"/f?x=1", "jane")
	jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane") // signed in there too
	d.clock.move(11 * time.Minute)
	d.renew()
	jane.are("jane")
	d.followed()
	jane.challenge(jane.open(signOutFlow), nil)
	jane.ended()

	// Whoever is signed in at authentik's own host is asked nothing.
	jane.finish(jane.open(authHost+"/if/flow/login/"), "jane", "open sesame")
	jane.greeted(jane.open(there), filesHost+"/f?x=1", "jane")
	jane.press(jane.open(filesHost+"/.authentik/logout"), "Sign out")
	if got := d.authentik.SessionsOf("jane"); got != 0 {
		t.Errorf("got %d sessions at authentik after the sign-out, want none", got)
	}
}

// A session of such a site that began at the login host ends the others there with it,
// at a sign-out and at its recheck.
func TestElsewhere_SessionOfTheLoginHostEndsTheOthers(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*guest){
		"a sign-out": func(jane *guest) { jane.press(jane.open(filesHost+"/.authentik/logout"), "Sign out") },
		"a recheck": func(jane *guest) {
			jane.authentik.EndSessions("jane")
			jane.clock.move(11 * time.Minute)
			jane.renew()
			jane.isSignedOut(filesHost)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, func(origin string, cfg *Config) {
				pageOrHost(origin, cfg)
				if origin == wikiHost {
					cfg.Recheck = 10 * time.Hour // so that the other site learns of the end first
				}
			})
			jane := d.guest()
			jane.signsIn(wikiHost+"/", "jane", "open sesame")
			jane.greeted(jane.open(filesHost+"/.authentik/login?at=authentik&to=%2Ff"), filesHost+"/f", "jane")
			end(jane)
			testsite.Eventually(t, "the end of the session at the wiki", func() bool { return jane.signedInAs(wikiHost) == "" })
		})
	}
}

// A page names the address that leads to the login host.
func TestElsewhere_PageLeadsToIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(string, *Config)
		want   string
	}{
		"page or host": {pageOrHost, "/.authentik/login?at=authentik&to=%2Ff"},
		"page": {func(origin string, cfg *Config) {
			if origin == filesHost {
				cfg.LoginAt = nil
			}
		}, authHost + "/if/flow/default-authentication-flow/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, tt.change)
			jane := d.guest()
			page := jane.open(filesHost + "/f")
			_, text, err := page.Fetch(t.Context(), "GET", "/.authentik/login?to=%2Ff", "", "Accept", "application/json")
			if err != nil || !strings.Contains(strings.ReplaceAll(text, `\u0026`, "&"), `"elsewhere":"`+tt.want+`"`) {
				t.Errorf("got %v, want %q in it:\n%s", err, tt.want, text)
			}
		})
	}
}
