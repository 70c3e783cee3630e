package programs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
)

// An executor shows the steps of a flow one after the other, and says that Jane is
// signed in.
type executor struct {
	steps   []flowclient.Step
	passing bool
}

func (e *executor) next() (flowclient.Step, error) {
	step := e.steps[0]
	e.steps = e.steps[1:]
	return step, nil
}

func (e *executor) Ask(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error) {
	return e.next()
}

func (e *executor) Answer(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Answer) (flowclient.Step, error) {
	return e.next()
}

func (e *executor) DefaultFlow(context.Context, flowclient.Visitor, string) (flowclient.Flow, error) {
	return flowclient.Flow{}, flowclient.ErrFlowNotFound
}

func (e *executor) User(context.Context, flowclient.Visitor) (flowclient.User, error) {
	return flowclient.User{Username: "jane", UID: "jane's id", Active: true}, nil
}

func (e *executor) Access(context.Context, flowclient.Visitor, string) (flowclient.Access, error) {
	return flowclient.Access{Passing: e.passing}, nil
}

// at is the step of a question.
func at(question flowclient.Challenge) flowclient.Step { return flowclient.Step{Challenge: question} }

// TestFlow_AsksForNameAndPasswordOnly: whatever else a flow asks, only a person can
// answer, and only the flow that the gate demands counts.
func TestFlow_AsksForNameAndPasswordOnly(t *testing.T) {
	t.Parallel()
	name := at(flowclient.Identification{UserFields: []string{"username"}})
	both := at(flowclient.Identification{UserFields: []string{"username"}, PasswordFields: true})
	password := at(flowclient.Password{})
	end := func(by string, led ...string) flowclient.Step {
		return flowclient.Step{Challenge: flowclient.Redirect{}, Login: flowclient.Login{Flow: by}, Led: led, Cookies: flowclient.Cookies{"authentik_session": "x"}}
	}
	signedIn := func(by string, led ...string) flowclient.Step {
		return flowclient.Step{Challenge: flowclient.Password{}, Login: flowclient.Login{Flow: by}, Led: led}
	}
	wrong := at(flowclient.Password{Base: flowclient.Base{Errors: map[string][]flowclient.FieldError{"password": {{}}}}})
	for title, tt := range map[string]struct {
		steps []flowclient.Step
		want  string // the beginning of the reason, or empty
	}{
		"two steps":             {[]flowclient.Step{name, password, end("login")}, ""},
		"one step":              {[]flowclient.Step{both, end("login")}, ""},
		"led on by the flow":    {[]flowclient.Step{name, password, end("next", "login")}, ""},
		"another flow":          {[]flowclient.Step{name, password, end("weak")}, reasonFlow},
		"led on afterwards":     {[]flowclient.Step{name, signedIn("weak"), end("", "login")}, reasonFlow},
		"signed in twice":       {[]flowclient.Step{name, signedIn("weak", "login"), end("other")}, reasonFlow},
		"no user signed in":     {[]flowclient.Step{name, password, end("")}, reasonFlow},
		"wrong":                 {[]flowclient.Step{name, wrong}, reasonWrong},
		"denied":                {[]flowclient.Step{name, password, at(flowclient.AccessDenied{})}, reasonWrong},
		"second factor":         {[]flowclient.Step{name, password, at(flowclient.AuthenticatorValidate{})}, reasonPerson},
		"consent":               {[]flowclient.Step{name, password, at(flowclient.Consent{})}, reasonPerson},
		"captcha":               {[]flowclient.Step{at(flowclient.Identification{UserFields: []string{"username"}, CaptchaStage: &flowclient.Captcha{}})}, reasonPerson},
		"only buttons":          {[]flowclient.Step{at(flowclient.Identification{})}, reasonPerson},
		"unknown to the gate":   {[]flowclient.Step{at(flowclient.Unknown{Name: "ak-new"})}, reasonPerson},
		"questions without end": {[]flowclient.Step{name, password, password, password, password}, reasonPerson},
	} {
		way := ByFlow{
			Authentik: &executor{steps: tt.steps}, Flow: "login", Logger: slog.New(slog.DiscardHandler), Go: func(func(context.Context)) bool { return true },
			First: func(context.Context, flowclient.Visitor) (flowclient.Flow, error) {
				return flowclient.Flow{Slug: "login"}, nil
			},
		}
		who, err := way.Try(t.Context(), visitor, shown)
		no, refused := errors.AsType[*authn.Refusal](err)
		switch {
		case tt.want == "" && (err != nil || who.User.Username != "jane" || who.Cookies != nil):
			t.Errorf("%s: got %v, %v, cookies %v, want Jane without cookies", title, who.User, err, who.Cookies)
		case tt.want != "" && (!refused || !strings.HasPrefix(no.Reason, tt.want)):
			t.Errorf("%s: got %v, want a refusal: %s", title, err, tt.want)
		}
	}
}

func TestFlow_RefusedApplicationIsARefusal(t *testing.T) {
	t.Parallel()
	both := at(flowclient.Identification{UserFields: []string{"username"}, PasswordFields: true})
	way := ByFlow{
		Authentik: &executor{steps: []flowclient.Step{both, at(flowclient.Redirect{})}}, Application: "wiki",
		Logger: slog.New(slog.DiscardHandler), Go: func(func(context.Context)) bool { return true },
		First: func(context.Context, flowclient.Visitor) (flowclient.Flow, error) {
			return flowclient.Flow{Slug: "login"}, nil
		},
	}
	if _, err := way.Try(t.Context(), visitor, shown); err == nil || err.Error() != reasonDenied {
		t.Errorf("got %v, want: %s", err, reasonDenied)
	}
}
