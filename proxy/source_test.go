package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// withSources returns an authentik whose identification page offers sources
// besides the username.
func withSources(sources ...authentiktest.Source) authentiktest.Config {
	cfg := inLogin(
		&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: sources},
		&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
	)
	for i := range sources {
		sources[i].PreAuthenticationFlow = "default-source-pre-authentication"
		sources[i].AuthenticationFlow = "default-source-authentication"
		sources[i].EnrollmentFlow = "default-source-enrollment"
	}
	cfg.Sources = sources
	return cfg
}

func github() authentiktest.Source {
	return authentiktest.Source{Slug: "github", Name: "GitHub", Kind: authentiktest.SourceOAuth, ClientID: "c", URL: "https://github.example/login"}
}

// TestSource_ElsewhereIsNamed: nothing is sent to authentik for it, and the
// way back keeps the visit.
func TestSource_ElsewhereIsNamed(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(
		github(),
		authentiktest.Source{Slug: "apple", Name: "Apple", Kind: authentiktest.SourceApple, ClientID: "a", URL: "https://apple.example/"},
		authentiktest.Source{Slug: "saml", Name: "Company", Kind: authentiktest.SourceSAMLPost, URL: "https://idp.example/"},
		authentiktest.Source{Slug: "krb", Name: "Domain", Kind: authentiktest.SourceKerberos},
	), nil)
	p := s.person(t)
	page := p.open("/app")
	for i, name := range []string{"GitHub", "Apple", "Company", "Domain"} {
		page.says(t, "Continue with "+name)
		before := s.authentik.Requests()
		chosen := p.send(page, "source", strconv.Itoa(i))
		chosen.says(t, "To sign in with "+name+", continue at ")
		chosen.says(t, `/if/flow/default-authentication-flow/"`)
		chosen.lacks(t, ".example/")
		page = p.send(chosen, "ways", "1")
		if sent := s.authentik.Requests() - before; sent != 0 {
			t.Errorf("%s: got %d requests to authentik, want none", name, sent)
		}
	}
	page = p.send(page, "uid_field", "jane")
	p.send(page, "password", "open sesame").says(t, "hello jane")
}

func TestSource_UnknownOneCannotBeChosen(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(github()), nil)
	p := s.person(t)
	page := p.open("/app")
	for _, place := range []string{"1", "-1", "x", "99999999999999999999", "0x0"} {
		p.send(page, "source", place).says(t, "no longer available")
	}
	page = p.send(page, "uid_field", "jane")
	p.send(page, "source", "0").says(t, "no longer available") // a password has no sources
}

// telegram is a source whose bot signs with a token of the test's.
func telegram() authentiktest.Source {
	return authentiktest.Source{Slug: "tg", Name: "Telegram", Kind: authentiktest.SourceTelegram, Bot: "example_bot", BotToken: "secret"}
}

// pressed are the fields that Telegram's button fills, signed with the bot's token.
func pressed(now time.Time, hash string) []string {
	lines := fmt.Sprintf("auth_date=%d\nfirst_name=Tele\nid=987654321\nusername=tele", now.Unix())
	key := sha256.Sum256([]byte("secret"))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(lines))
	if hash == "" {
		hash = hex.EncodeToString(mac.Sum(nil))
	}
	return []string{
		"telegram.id", "987654321", "telegram.first_name", "Tele", "telegram.username", "tele",
		"telegram.auth_date", strconv.FormatInt(now.Unix(), 10), "telegram.hash", hash,
	}
}

func TestSource_TelegramSignsInOnTheGatesPage(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(github(), telegram()), nil)
	p := s.person(t)
	page := p.send(p.open("/app"), "source", "1")
	page.says(t, `data-bot="example_bot"`)
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src https://oauth.telegram.org;") {
		t.Errorf("got the policy %s", policy)
	}
	page = p.send(page, pressed(time.Now().Add(-time.Hour), "")...)
	page.says(t, "Authentication date is too old")
	page = p.send(page, pressed(time.Now(), strings.Repeat("0", 64))...)
	page.says(t, "Invalid hash")
	end := p.send(page, pressed(time.Now(), "")...)
	end.says(t, "hello tele")
	if end.path != "/app" {
		t.Errorf("got the page at %s", end.path)
	}
}

// TestSource_IsBarredIfTheGateDemandsAFlow: the session would have been
// won by another flow.
func TestSource_IsBarredIfTheGateDemandsAFlow(t *testing.T) {
	t.Parallel()
	pins := &fakePlex{}
	cfg := withSources(telegram(), plexSource(nil))
	s := newSiteOf(t, cfg, func(c *Config) { c.Flow, c.Plex = "default-authentication-flow", pins.at(t) })
	p := s.person(t)
	page := p.open("/app")
	before := s.authentik.Requests()
	for _, place := range []string{"0", "1"} {
		p.send(page, "source", place).says(t, "This site does not accept signing in with")
	}
	if s.authentik.Requests() != before || pins.asked() != 0 {
		t.Error("got a request to the source, want none")
	}
}

// TestSource_FlowDoesNotAdmitAtAGateThatDemandsAnother takes a visit that is in a source's
// flow already to a gate that names one.
func TestSource_FlowDoesNotAdmitAtAGateThatDemandsAnother(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(telegram()), nil)
	p := s.person(t)
	page := p.send(p.open("/app"), "source", "0")
	s.gate.member.SignIn.Flow = "default-authentication-flow" // as if the visit had been begun at such a gate
	p.send(page, pressed(time.Now(), "")...)
	if s.reached() != 0 {
		t.Error("got a request at the application, want none")
	}
}

// TestSource_DetourOfAnotherVersionIsIgnored opens visits in which it is something else.
func TestSource_DetourOfAnotherVersionIsIgnored(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(github()), nil)
	at, secret := somewhere("app.example.com"), seal.NewSecret()
	step := flowclient.Step{Flow: flowclient.Flow{Slug: "login"}}
	var err error
	if step.Challenge, err = flowclient.Decode([]byte(`{"component":"ak-stage-identification","sources":[{"name":"A","challenge":{"component":"ak-source-plex"}}]}`)); err != nil {
		t.Fatal(err)
	}
	for name, detour := range map[string]any{
		"a word": "plex", "a list": []int{1}, "a place in words": map[string]any{"place": "first"}, "another PIN": map[string]any{"place": 0, "pin": "x"},
		"a place beyond": map[string]any{"place": 7}, "nothing": nil,
	} {
		sealed, err := s.gate.member.Shared.Key.Box(seal.KindVisit, s.gate.sessions.Realm(at.Host), secret).SealText(map[string]any{
			"id": "x", "begun": s.clock.now(), "back": "/", "first": step.Flow, "step": step, "detour": detour,
		})
		if err != nil {
			t.Fatal(err)
		}
		vis, err := openVisit(s.gate, secret, at, sealed)
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
			continue
		}
		if s.gate.member.SignIn.Chosen(vis) != nil {
			t.Errorf("%s: got a source chosen, want none", name)
		}
	}
}
