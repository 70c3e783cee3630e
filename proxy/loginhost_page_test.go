package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// withPage has the login host show the gate's own page.
func withPage(origin string, cfg *Config) {
	if origin == authHost {
		cfg.LoginHost.Page = true
	}
}

// types fills in the field of a page and sends its form.
func (g *guest) types(page *browser.Page, field, value string) *browser.Page {
	g.Helper()
	next, err := page.Submit(g.Context(), browser.Fields{field: value}, "")
	if err != nil {
		g.Fatalf("got error %v at %s with status %d, want the form sent:\n%s", err, page.URL, page.Status, page.Text())
	}
	return next
}

// The page of the login host signs in at authentik itself, and so at all sites.
func TestLoginHost_PageSignsInAtAuthentik(t *testing.T) {
	t.Parallel()
	d := newDomains(t, withPage)
	jane := d.guest()
	link := wikiHost + "/deep/" + strings.Repeat("long-", 160) + "?x=1"
	page := jane.open(link)
	if page.URL.Host != "auth.example.com" || !page.Has("uid_field") {
		t.Fatalf("got status %d at %s, want the sign-in page of the login host:\n%s", page.Status, page.URL, page.Text())
	}
	page = jane.types(jane.types(page, "uid_field", "jane"), "password", "open sesame")
	jane.greeted(page, link, "jane")
	jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
	if cookies, _ := jane.Cookies(authHost); cookies["authentik_session"] == "" || cookies["authentik_csrf"] == "" {
		t.Errorf("got the cookies %v at authentik, want its session", cookies)
	}
	if page = jane.open(authHost + "/"); page.Status != http.StatusOK || page.URL.Path != "/if/user/" {
		t.Errorf("got status %d at %s, want authentik's interface for users:\n%s", page.Status, page.URL, page.Text())
	}
	if cookies, _ := jane.Cookies(wikiHost); cookies["authentik_session"] != "" {
		t.Error("got authentik's session at an application")
	}
}

// A wrong password is asked for again, and a lost session leads to the page again.
func TestLoginHost_PageAsksAgain(t *testing.T) {
	t.Parallel()
	d := newDomains(t, withPage)
	jane := d.guest()
	page := jane.types(jane.types(jane.open(wikiHost+"/"), "uid_field", "jane"), "password", "wrong")
	if len(page.Errors()) == 0 {
		t.Errorf("got no error for a wrong password:\n%s", page.Text())
	}
	jane.greeted(jane.types(page, "password", "open sesame"), wikiHost+"/", "jane")
	d.authentik.EndSessions("jane")
	d.clock.move(11 * time.Minute)
	d.renew()
	page = jane.open(wikiHost + "/again")
	if !page.Has("uid_field") {
		t.Fatalf("got status %d at %s, want the sign-in page:\n%s", page.Status, page.URL, page.Text())
	}
	jane.greeted(jane.types(jane.types(page, "uid_field", "jane"), "password", "open sesame"), wikiHost+"/again", "jane")
}

// Of tabs that a browser restores all at once, without cookies, one has the cookie of
// its visit. The others begin again, and end at their own address.
func TestLoginHost_PageOfARestoredTabLeadsToItsAddress(t *testing.T) {
	t.Parallel()
	d := newDomains(t, withPage)
	jane := d.guest()
	first := jane.open(wikiHost + "/1")
	jane.DropCookies() // as for a request that left before the other answers came
	second := jane.open(filesHost + "/2")
	page := jane.types(first, "uid_field", "jane")
	jane.refused(page, "visit-lost")
	page = jane.types(jane.follow(page, "Start over"), "uid_field", "jane")
	jane.greeted(jane.types(page, "password", "open sesame"), wikiHost+"/1", "jane")
	page = jane.types(jane.types(second, "uid_field", "jane"), "password", "open sesame")
	jane.greeted(page, filesHost+"/2", "jane")
}

// A sign-in in a tab that has shown the page since before another one replaces that, as
// in authentik's own interface: nothing of another user goes on in the browser, and
// what a sign-out would not reach does not either.
func TestLoginHost_PageReplacesTheSession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, password, at string }{
		{"joe", "let me in", filesHost + "/2"},
		{"jane", "open sesame", authHost + "/.authentik/login?ask=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, withPage)
			jane := d.guest()
			first, second := jane.open(wikiHost+"/1"), jane.open(tt.at)
			jane.greeted(jane.types(jane.types(first, "uid_field", "jane"), "password", "open sesame"), wikiHost+"/1", "jane")
			jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
			jane.types(jane.types(second, "uid_field", tt.name), "password", tt.password)
			jane.greeted(jane.open(filesHost+"/3"), filesHost+"/3", tt.name)
			want := map[string]int{tt.name: 1}
			testsite.Eventually(t, "the end of the session that was replaced", func() bool {
				return d.authentik.SessionsOf("jane") == want["jane"] && d.authentik.SessionsOf("joe") == want["joe"]
			})
			if tt.name == "jane" {
				d.clock.move(11 * time.Minute)
				d.renew()
				jane.are("jane")
			} else {
				testsite.Eventually(t, "the end of jane's session at the wiki", func() bool { return jane.signedInAs(wikiHost) == "" })
			}
			jane.press(jane.open(filesHost+"/.authentik/logout"), "Sign out")
			jane.ended()
			if got := d.authentik.SessionsOf("jane") + d.authentik.SessionsOf("joe"); got != 0 {
				t.Errorf("got %d sessions at authentik after the sign-out, want none", got)
			}
		})
	}
}

// Every cookie is as authentik sets it.
func TestLoginHost_PageSetsCookiesAsAuthentik(t *testing.T) {
	t.Parallel()
	d := newDomains(t, withPage)
	jane := d.guest()
	page := jane.types(jane.open(wikiHost+"/"), "uid_field", "jane")
	jane.before = "/sign-in?request="
	var set []string
	jane.watch = func(res *http.Response) { set = append(set, res.Header["Set-Cookie"]...) }
	jane.types(page, "password", "open sesame")
	all := strings.Join(set, "\n")
	for _, want := range []string{"Path=/; HttpOnly; Secure; SameSite=None", "authentik_csrf="} {
		if !strings.Contains(all, want) {
			t.Errorf("got the cookies %s, want %s", all, want)
		}
	}
	if strings.Contains(all, "authentik_gate") {
		t.Errorf("got a session of the gate at the login host: %s", all)
	}
}
