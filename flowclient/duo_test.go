package flowclient

import (
	"errors"
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

var duoStage = AuthenticatorDuo{StageUUID: "0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f11"}

func TestDuoEnrolment_ReturnsTheState(t *testing.T) {
	t.Parallel()
	for _, want := range []DuoStatus{DuoSuccess, DuoWaiting, DuoInvalid} {
		f := newFake(t, says(`{"duo_response": "`+string(want)+`"}`))
		got, err := f.client().DuoEnrolment(t.Context(), holding("a", true), duoStage)
		if err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		asked := f.seen(0)
		if asked.method != http.MethodPost || asked.body != "" || asked.uri != "/api/v3/stages/authenticator/duo/0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f11/enrollment_status/" {
			t.Errorf("got %s %s %q, want an empty POST to the stage", asked.method, asked.uri, asked.body)
		}
		if pair := asked.cookies[csrfCookie]; len(pair) != 32 || pair != asked.header.Get(csrfHeader) {
			t.Errorf("got CSRF cookie %q and header %q, want the same 32 characters", pair, asked.header.Get(csrfHeader))
		}
	}
}

func TestDuoEnrolment_OtherAnswersAreErrors(t *testing.T) {
	t.Parallel()
	var ue *UnexpectedError
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		is    error
	}{
		"nothing is set up":            {fails(http.StatusBadRequest, "{}"), ErrNotEnrolling},
		"an ended session":             {fails(http.StatusBadRequest, ""), ErrNotEnrolling},
		"another stage":                {fails(http.StatusNotFound, `{"detail":"x"}`), ErrNotEnrolling},
		"an unknown state":             {says(`{"duo_response": "success!"}`), errNoStatus},
		"no state":                     {says(`{}`), errNoStatus},
		"no JSON":                      {says(`<html>`), errNotJSON},
		"a refusal":                    {fails(http.StatusForbidden, `{"detail":"CSRF Failed"}`), nil},
		"an internal error":            {fails(http.StatusInternalServerError, `{"duo_response":"success"}`), nil},
		"a proxy that knows nothing":   {unmarked(fails(http.StatusNotFound, "")), nil},
		"a proxy that says success":    {unmarked(says(`{"duo_response": "success"}`)), nil},
		"a session of another network": {sends("/flows/-/default/authentication/"), ErrNotEnrolling},
		"a redirect":                   {sends("/if/user/"), nil},
		"an outage":                    {fails(http.StatusBadGateway, ""), ErrUnreachable},
	} {
		got, err := newFake(t, c.reply).client().DuoEnrolment(t.Context(), holding("a", false), duoStage)
		if got != "" || err == nil || c.is != nil && !errors.Is(err, c.is) || c.is == nil && !errors.As(err, &ue) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if c.is == nil && errors.Is(err, ErrNotEnrolling) {
			t.Errorf("%s: got ErrNotEnrolling", name)
		}
	}
}

func TestDuoEnrolment_MalformedStageKeysAreNotSent(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"", "..", "0f6d3a2c5b0e4a579c3d9a0a6a4b7f11", "0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f11/", "0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f1g",
		"../../../../core/users/me/?a=0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f11", "0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f11\n",
	} {
		if got, err := newFake(t).client().DuoEnrolment(t.Context(), Visitor{}, AuthenticatorDuo{StageUUID: key}); !errors.Is(err, ErrNotEnrolling) {
			t.Errorf("%q: got %s, %v, want %v", key, got, err, ErrNotEnrolling)
		}
	}
}

// TestDuoEnrolment_WorksWithTheStandIn sets up a device in a signed-in session, which
// needs a CSRF token.
func TestDuoEnrolment_WorksWithTheStandIn(t *testing.T) {
	t.Parallel()
	for _, release := range []authentiktest.Release{authentiktest.Release202510, authentiktest.Release202605} {
		state := "waiting"
		c := standIn(t, authentiktest.Config{
			Release: release, Users: []authentiktest.User{{Username: "jane", Password: "p"}},
			Duo: authentiktest.Duo{Enrolment: func(authentiktest.User) (string, error) { return state, nil }},
			Flows: []authentiktest.Flow{{Slug: "duo", Designation: authentiktest.DesignationStageConfiguration, Authentication: authentiktest.RequireAuthenticated, Bindings: []authentiktest.Binding{
				{Stage: &authentiktest.AuthenticatorDuoStage{}},
			}}},
		})
		v := signedIn(t, c, "jane", "p")
		if _, err := c.DuoEnrolment(t.Context(), v, duoStage); !errors.Is(err, ErrNotEnrolling) {
			t.Errorf("%s: before the flow: got %v, want ErrNotEnrolling", release, err)
		}
		step, err := c.Ask(t.Context(), v, Flow{Slug: "duo"})
		shown := shows[AuthenticatorDuo](t, step, err)
		v.Cookies = step.Cookies
		for _, want := range []DuoStatus{DuoWaiting, DuoInvalid, DuoSuccess} {
			state = string(want)
			if got, err := c.DuoEnrolment(t.Context(), v, shown); err != nil || got != want {
				t.Errorf("%s: got %s, %v, want %s", release, got, err, want)
			}
		}
		step, err = c.Answer(t.Context(), v, step.Flow, AuthenticatorDuoAnswer{})
		if got := shows[Redirect](t, step, err); got.Class() != RedirectFinished {
			t.Errorf("%s: got %s at the end, want finished", release, got.Class())
		}
	}
}
