package proxy

import (
	"crypto/rand"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

var reloadAddress = regexp.MustCompile(`data-reload="([^"]*)"`)

// invited opens an invitation that can be used several times.
func invited(t *testing.T) (*site, *person, screen) {
	t.Helper()
	s, _ := linkSite(t, func(c *Config) { c.Flow = "" })
	p := s.person(t)
	token := s.authentik.AddInvitation(authentiktest.Invitation{}).Token
	asked := p.open("/if/flow/enrol/?itoken=" + token)
	asked.says(t, `name="field.username"`)
	return s, p, asked
}

// again is the address at which a page is loaded again, which has no token.
func again(t testing.TB, shown screen) string {
	t.Helper()
	m := reloadAddress.FindStringSubmatch(shown.body)
	if m == nil {
		t.Fatalf("got no address for a reload:\n%s", shown.body)
	}
	at := html.UnescapeString(m[1])
	if !strings.HasPrefix(at, "/.authentik/login?visit=") || strings.Contains(at, "token") {
		t.Fatalf("got the address %s for a reload, want one of the visit, sealed", at)
	}
	return at
}

// TestLink_ReloadGoesOn: the invitation is used up when the form is shown first.
func TestLink_ReloadGoesOn(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, func(c *Config) { c.Flow = "" })
	p := s.person(t)
	asked := p.open(again(t, p.open(invitation)))
	asked.says(t, `name="field.username"`)
	refused := p.send(asked, "field.username", "jane", "field.password", "x")
	refused.says(t, "Username is already taken.")
	asked = p.open(again(t, refused))
	asked.says(t, `name="field.username"`)
	if strings.Contains(asked.body, `role="status"`) {
		t.Errorf("got a notice, want the form as it was:\n%s", asked.body)
	}
	if done := p.send(asked, "field.username", "june", "field.password", "x"); done.path != "/" || done.body != "hello june" {
		t.Errorf("got the flow ended at %s:\n%s", done.path, done.body)
	}
}

func TestLink_UsedInvitationSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, nil)
	s.person(t).open(invitation).says(t, `name="field.username"`)
	p := s.person(t)
	shown := p.open(invitation)
	for range 2 {
		shown.says(t, "Your invitation may have expired or been used already.")
		shown.says(t, `href="/.authentik/login?to=%2F" autofocus>Sign in</a>`)
		shown = p.open(again(t, shown))
	}
}

func TestLink_UsedOneLeavesAWayToTheSignIn(t *testing.T) {
	t.Parallel()
	_, address, authentik := linked(t)
	s := newSite(t, func(c *Config) { c.Client, c.PageHost = authentik, true })
	link := adminLink(t, address)
	s.person(t).open(link).says(t, `name="field.password"`)
	used := s.person(t).open(link)
	used.says(t, "You can ask for a new one here, or sign in.")
	used.says(t, `href="/.authentik/login?to=%2F">Sign in</a>`)
}

// TestMail_WaitingPageGoesOnAfterAReload: a telephone loads the page again when its
// user comes back from the mail.
func TestMail_WaitingPageGoesOnAfterAReload(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, nil)
	p := s.person(t)
	waits := p.signIn("jane", "open sesame", "/deep")
	waits = p.open(again(t, waits))
	waits.says(t, `name="component" value="ak-stage-email"`)
	if sent := len(s.authentik.Mail()); sent != 1 {
		t.Errorf("got %d mails, want one", sent)
	}
	at := again(t, waits)
	p.send(p.open(local(t, s, s.authentik.Mail()[0].Link)))
	if led := p.open(at); led.path != "/deep" || led.body != "hello jane" {
		t.Errorf("got the waiting page led to %s once the user was signed in:\n%s", led.path, led.body)
	}
}

// TestVisit_LoadedAgainInAnotherBrowserBeginsAnew: nor does a visit go on that has
// been changed.
func TestVisit_LoadedAgainInAnotherBrowserBeginsAnew(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, nil)
	p := s.person(t)
	at := again(t, p.signIn("jane", "open sesame", "/deep"))
	changed := strings.Replace(at, "visit=", "visit=A", 1)
	for name, got := range map[string]screen{"another browser": s.person(t).open(at), "changed": p.open(changed)} {
		if !strings.Contains(got.body, `name="uid_field"`) || !strings.Contains(got.body, `value="/deep"`) {
			t.Errorf("%s: got no new sign-in that leads to the same place:\n%s", name, got.body)
		}
	}
}

func TestLink_ExpiredVisitFollowsItAgain(t *testing.T) {
	t.Parallel()
	s, p, asked := invited(t)
	s.clock.move(signin.VisitLife + time.Minute)
	again := p.send(asked, "field.username", "june", "field.password", "x")
	again.says(t, "Your sign-in took too long and has started over.")
	again.says(t, `name="field.username"`)
	if done := p.send(again, "field.username", "june", "field.password", "x"); done.path != "/" || done.body != "hello june" {
		t.Errorf("got the flow ended at %s:\n%s", done.path, done.body)
	}
}

func TestLink_ExpiredVisitLoadedAgainFollowsIt(t *testing.T) {
	t.Parallel()
	s, p, asked := invited(t)
	at := again(t, asked)
	s.clock.move(signin.VisitLife + time.Minute)
	fresh := p.open(at)
	fresh.says(t, "Your sign-in took too long and has started over.")
	fresh.says(t, `name="field.username"`)
}

// TestSetUp_GoesOnAfterAReload: the secret may be in an app by then, and codes on
// paper.
func TestSetUp_GoesOnAfterAReload(t *testing.T) {
	t.Parallel()
	for component, c := range map[string]struct {
		stage authentiktest.Stage
		shows string
	}{
		"totp":   {&authentiktest.AuthenticatorTOTPStage{}, `secret=([A-Z0-9]+)`},
		"static": {&authentiktest.AuthenticatorStaticStage{}, `(?s)<ul class="codes[^>]*>(.*?)</ul>`},
	} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *Config) { c.Flow = "setup" }, loginFlow("setup", authentiktest.Binding{Stage: c.stage}))
			p := s.person(t)
			shown := p.signIn("jane", "open sesame", "/deep")
			secret := regexp.MustCompile(c.shows).FindStringSubmatch(shown.body)
			if secret == nil {
				t.Fatalf("got no secret:\n%s", shown.body)
			}
			p.open(again(t, shown)).says(t, secret[1])
		})
	}
}

func TestVisit_TooLongForAnAddressBeginsAnew(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, nil)
	noise := make([]byte, 2900)
	_, _ = rand.Read(noise)
	shown := s.person(t).open(invitation + "&x=" + base64.RawURLEncoding.EncodeToString(noise))
	shown.says(t, `name="field.username"`)
	if m := reloadAddress.FindStringSubmatch(shown.body); m != nil {
		t.Errorf("got an address of %d characters, want none", len(m[1]))
	}
}

// TestSetUp_GoesOnAfterAReloadWithOpenIDConnect: the visit has the request to the
// authorize endpoint twice, and its address is still short enough.
func TestSetUp_GoesOnAfterAReloadWithOpenIDConnect(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(r *registration) {
		r.flows = []authentiktest.Flow{loginFlow("login", authentiktest.Binding{Stage: &authentiktest.AuthenticatorTOTPStage{}})}
	})
	p := s.person(t)
	at := again(t, p.signIn("jane", "open sesame", "/deep"))
	if len(at) > 3<<10 {
		t.Errorf("got an address of %d characters, want less", len(at))
	}
	p.open(at).says(t, `name="component" value="ak-stage-authenticator-totp"`)
}
