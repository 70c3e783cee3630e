package proxy

import (
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

func TestLink_ReloadAfterAnAnswerFollowsItAgain(t *testing.T) {
	t.Parallel()
	_, p, asked := invited(t)
	refused := p.send(asked, "field.username", "jane", "field.password", "x")
	refused.says(t, "Username is already taken.")
	m := reloadAddress.FindStringSubmatch(refused.body)
	if m == nil {
		t.Fatalf("got no address for a reload:\n%s", refused.body)
	}
	at := html.UnescapeString(m[1])
	if !strings.HasPrefix(at, "/.authentik/login?link=") || strings.Contains(at, "itoken") {
		t.Errorf("got the address %s for a reload, want one of the link, sealed", at)
	}
	again := p.open(at)
	again.says(t, `name="field.username"`)
	again.says(t, "You reloaded the page or went back")
	if done := p.send(again, "field.username", "june", "field.password", "x"); done.path != "/" || done.body != "hello june" {
		t.Errorf("got the flow ended at %s:\n%s", done.path, done.body)
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
