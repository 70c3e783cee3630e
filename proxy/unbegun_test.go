package proxy

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestUnbegun_VisitSurvivesARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/")
	other := newGate(t, s.gate.cfg) // as after a restart: of all that was in memory nothing is left
	s.Config.Handler = other.Wrap(http.HandlerFunc(s.application))
	if end := p.send(p.send(page, "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" {
		t.Fatalf("got status %d: %s", end.status, end.body)
	}
}

func TestUnbegun_DoubleClickBeginsOneVisit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/")
	var clicks sync.WaitGroup
	for range 5 {
		clicks.Go(func() { p.send(page, "uid_field", "jane").says(t, `name="password"`) })
	}
	clicks.Wait()
	if n := s.authentik.Sessions(); n != 2 {
		t.Errorf("got %d sessions at authentik", n)
	}
}

// A changedChallenge is how an administrator edits a flow between its first page
// and the answer, and what the visitor then sees.
type changedChallenge struct {
	first  authentiktest.Stage
	insert bool
	says   []string
}

// changedChallenges returns one for each kind of change. Stages belong to one flow.
func changedChallenges() map[string]changedChallenge {
	captcha := &authentiktest.CaptchaStage{JSURL: "https://captcha.example/api.js", SiteKey: "key"}
	return map[string]changedChallenge{
		"the password in the same form": {
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}}, false,
			[]string{`value="jane"`, "Enter your password.", `name="password"`},
		},
		"a captcha in the same form": {
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, Captcha: captcha}, false,
			[]string{`value="jane"`, "captcha"},
		},
		"a captcha first":           {captcha, true, []string{"captcha.js"}},
		"a click first":             {&authentiktest.DummyStage{Name: "hello"}, true, []string{`value="ak-stage-dummy"`}},
		"a form first":              {&authentiktest.PromptStage{Fields: []authentiktest.Field{{Key: "age", Label: "Age"}}}, true, []string{"Age"}},
		"a form with nothing to do": {&authentiktest.PromptStage{Fields: []authentiktest.Field{{Key: "terms", Label: "Terms", Optional: true}}}, true, []string{"Terms"}},
	}
}

// TestUnbegun_ChangedChallengeIsShownAgain edits the flow between the page and its answer.
func TestUnbegun_ChangedChallengeIsShownAgain(t *testing.T) {
	t.Parallel()
	changes := changedChallenges()
	changes["a device first"] = changedChallenge{&authentiktest.AuthenticatorValidateStage{DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceWebAuthn}}, true, []string{"authentik asks for your passkey or security key"}} // its page has no form
	for name, tt := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.warm(t)
			p := s.person(t)
			page := p.open("/")
			s.stage(t, tt.first, tt.insert)
			next := p.send(page, "uid_field", "jane")
			for _, text := range tt.says {
				next.says(t, text)
			}
			for _, text := range []string{"Failed to authenticate", "has lost your last answer", "This field is required", "Empty response"} {
				next.lacks(t, text)
			}
		})
	}
}

func TestUnbegun_TypedNameIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/")
	s.stage(t, &authentiktest.DummyStage{Name: "hello"}, true)
	page = p.send(page, "uid_field", " jane ")
	page.says(t, `value="ak-stage-dummy"`)
	page = p.send(page)
	page.says(t, `value="jane"`)
	if end := p.send(p.send(page, "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" {
		t.Fatalf("got status %d: %s", end.status, end.body)
	}
}

func TestUnbegun_NewPasswordFieldSignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/app")
	s.authentik.EditFlow("login", func(f *authentiktest.Flow) {
		f.Bindings = []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}}},
			{Stage: &authentiktest.UserLoginStage{}},
		}
	})
	page = p.send(page, "uid_field", "jane")
	if end := p.send(page, "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" || end.path != "/app" {
		t.Fatalf("got status %d at %s: %s", end.status, end.path, end.body)
	}
}

func TestUnbegun_RemovedFlowIsNamedAtTheFirstAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/")
	s.authentik.DeleteFlow("login")
	next := p.send(page, "uid_field", "jane")
	if next.status != http.StatusBadGateway {
		t.Errorf("got status %d", next.status)
	}
	next.says(t, string(fault.FlowNotFound))
}

func TestUnbegun_RenamedFlowOfTheBrandContinues(t *testing.T) {
	t.Parallel()
	cfg := inLogin(whoIsIt(&authentiktest.PasswordStage{})...)
	cfg.Flows[0].Slug = "old"
	cfg.Flows = append(cfg.Flows, loginFlow("new"))
	cfg.Brands = []authentiktest.Brand{{Default: true, FlowAuthentication: "old"}}
	s := newSiteOf(t, cfg, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/app")
	s.authentik.DeleteFlow("old")
	client := s.gate.cfg.Client
	setClient(s.gate, brandOf{client, "new"})
	page = p.send(page, "uid_field", "jane")
	page.says(t, `value="jane"`)
	if end := p.send(p.send(page, "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" || end.path != "/app" {
		t.Fatalf("got status %d at %s: %s", end.status, end.path, end.body)
	}
}

// brandOf is an authentik whose brand has been edited.
type brandOf struct {
	Authentik
	flow string
}

func (b brandOf) Brand(context.Context, flowclient.Visitor) (flowclient.Brand, error) {
	return flowclient.Brand{FlowAuthentication: b.flow}, nil
}

func TestUnbegun_AnswerCanBeRepeatedAfterAFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	client := s.gate.cfg.Client
	setClient(s.gate, deadAuthentik{downAuthentik{client}})
	p := s.person(t)
	page := p.open("/app")
	page.says(t, "uid_field")
	down := p.send(page, "uid_field", "jane")
	if down.status != http.StatusServiceUnavailable {
		t.Errorf("got status %d", down.status)
	}
	down.says(t, string(fault.AuthentikUnreachable))
	s.clock.move(copyFor)
	if again := s.person(t).open("/app"); again.status != http.StatusServiceUnavailable {
		t.Errorf("got an old copy, with status %d, want a new first page", again.status)
	}
	setClient(s.gate, client)
	if end := p.send(p.send(page, "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" { // back, and once more
		t.Errorf("got status %d: %s", end.status, end.body)
	}
}

// deadAuthentik takes no answers either.
type deadAuthentik struct{ downAuthentik }

func (deadAuthentik) Answer(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Answer) (flowclient.Step, error) {
	return flowclient.Step{}, flowclient.ErrUnreachable
}

func TestUnbegun_OtherFlowsAndSourcesBegin(t *testing.T) {
	t.Parallel()
	flow := authentiktest.Flow{Slug: "recover", Title: "Recover", Bindings: []authentiktest.Binding{{Stage: names()}}}
	s := newSite(t, nil, flow)
	s.stage(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, RecoveryFlow: "recover"}, false)
	s.warm(t)
	p := s.person(t)
	page := p.send(p.open("/app"), "flow", "recovery")
	page.says(t, "Recover")
	if n := s.authentik.Sessions(); n != 2 {
		t.Errorf("got %d sessions at authentik", n)
	}
	p.send(p.open("/app"), "on", "1").says(t, "uid_field")
	if n := s.authentik.Sessions(); n != 3 {
		t.Errorf("got %d sessions at authentik", n)
	}
}

func TestUnbegun_SourceBeginsTheVisit(t *testing.T) {
	t.Parallel()
	plex := &fakePlex{claimed: true}
	s := newSiteOf(t, withSources(github(), telegram(), plexSource(plexPerson)), func(c *Config) { c.Plex = plex.at(t) })
	s.warm(t)
	p := s.person(t)
	page := p.send(p.open("/app"), "source", "1")
	page.says(t, `data-bot="example_bot"`)
	if end := p.send(page, pressed(time.Now(), "")...); end.body != "hello tele" || end.path != "/app" {
		t.Errorf("Telegram: got status %d at %s: %s, want the application", end.status, end.path, end.body)
	}
	other, sessions := s.person(t), s.authentik.Sessions()
	page = other.send(other.open("/app"), "source", "2")
	if n := s.authentik.Sessions() - sessions; n != 1 {
		t.Errorf("Plex: got %d more sessions at authentik, want 1", n)
	}
	if end := other.send(page, "on", "1"); end.body != "hello plexer" || end.path != "/app" {
		t.Errorf("Plex: got status %d at %s: %s, want the application", end.status, end.path, end.body)
	}
	third := s.person(t)
	before := s.authentik.Requests()
	third.send(third.open("/app"), "source", "0").says(t, "GitHub")
	if s.authentik.Requests() != before {
		t.Error("got a request to authentik about a source that runs elsewhere, want none")
	}
}

func TestUnbegun_RemovedSourceIsNamed(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(telegram()), nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/app")
	s.authentik.EditFlow("default-authentication-flow", func(f *authentiktest.Flow) { f.Bindings[0].Stage = names() })
	p.send(page, "source", "0").says(t, "This way to sign in is no longer available.")
}
