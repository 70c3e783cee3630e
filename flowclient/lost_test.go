package flowclient

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestLost_ErrorsOfTheAnsweredQuestionStay(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(refusing(whichSecret, `{"password":[{"string":"Invalid password","code":"invalid"}],"non_field_errors":["odd"]}`), session("a", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{Password: "x"})
	got := shows[Password](t, step, err)
	want := FieldError{Text: "Invalid password", Code: "invalid"}
	if step.Lost || got.Errors["password"][0] != want || got.Errors[NonField][0].Text != "odd" {
		t.Errorf("got lost %v, errors %v, want the errors", step.Lost, got.Errors)
	}
}

// A visitor must not see errors about fields that were not on the page.
func TestLost_ErrorsOfAnotherQuestionAreRemoved(t *testing.T) {
	t.Parallel()
	prompt := func(key string) string {
		return `{"component":"ak-stage-prompt","fields":[{"field_key":"` + key + `","type":"text"}]}`
	}
	required := `{"uid_field":[{"string":"This field is required.","code":"required"}]}`
	for name, c := range map[string]struct {
		visitor Visitor
		answer  Answer
		reply   string
		sid     string
		dropped bool
	}{
		"another component":               {holding("a", false), PasswordAnswer{"x"}, refusing(whoAreYou, required), "a", true},
		"another form":                    {holding("a", false), PromptAnswer{map[string]any{"old": "1"}}, refusing(prompt("new"), `{"new":[]}`), "a", true},
		"another form, without a word":    {holding("a", false), PromptAnswer{map[string]any{"old": "1"}}, refusing(prompt("new"), `{}`), "a", true},
		"the same form":                   {holding("a", false), PromptAnswer{map[string]any{"old": "1"}}, refusing(prompt("old"), `{"old":[]}`), "a", false},
		"a form left empty":               {holding("a", false), PromptAnswer{}, refusing(prompt("old"), `{"old":[]}`), "a", false},
		"a replaced session":              {holding("a", false), PromptAnswer{map[string]any{"old": "1"}}, refusing(prompt("old"), `{"old":[]}`), "b", true},
		"no session at all":               {Visitor{}, PasswordAnswer{"x"}, refusing(whichSecret, `{"password":[]}`), "b", true},
		"a malformed session":             {Visitor{Cookies: Cookies{sessionCookie: "not-a-token"}}, PasswordAnswer{"x"}, refusing(whichSecret, `{"password":[]}`), "b", true},
		"a name in a new session":         {Visitor{}, IdentificationAnswer{UID: "x"}, refusing(whoAreYou, `{"non_field_errors":[]}`), "b", false},
		"a name that reached another one": {Visitor{}, IdentificationAnswer{UID: "x"}, refusing(whichSecret, `{"password":[]}`), "b", true},
	} {
		for _, answer := range []Answer{c.answer, rawOf(t, c.answer)} {
			f := newFake(t, says(c.reply, session(c.sid, false)))
			step, err := f.client().Answer(t.Context(), c.visitor, login, answer)
			if err != nil {
				t.Errorf("%s, %T: got %v", name, answer, err)
				continue
			}
			base := step.Challenge.Common()
			if (base.Errors == nil) != c.dropped || step.Lost != c.dropped {
				t.Errorf("%s, %T: got lost %v, errors %v; want them removed: %v", name, answer, step.Lost, base.Errors, c.dropped)
			}
			if strings.Contains(string(base.Raw), "response_errors") == c.dropped {
				t.Errorf("%s, %T: got raw %s", name, answer, base.Raw)
			}
			roundTrip(t, step)
		}
	}
}

func TestLost_SessionReplacedAfterTheAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends(itself, session("a", false)), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{Password: "x"})
	shows[Identification](t, step, err)
	if !step.Lost || step.Cookies[sessionCookie] != token("b", false) {
		t.Errorf("got lost %v, want true and the new session", step.Lost)
	}
}

func TestLost_AUserNameNeedsNoSession(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]Visitor{"none": {}, "replaced": holding("a", false)} {
		f := newFake(t, sends(itself, session("b", false)), says(whichSecret, session("b", false)))
		step, err := f.client().Answer(t.Context(), v, login, IdentificationAnswer{UID: "jane"})
		shows[Password](t, step, err)
		if step.Lost {
			t.Errorf("session %s: got lost, want not", name)
		}
	}
	f := newFake(t, sends(itself, session("a", false)), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, IdentificationAnswer{UID: "jane"})
	shows[Identification](t, step, err)
	if !step.Lost {
		t.Error("got not lost after the session was replaced, want lost")
	}
}

func TestLost_SigningInOrOutDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to bool }{
		"in":                 {false, true},
		"out":                {true, false},
		"in as another user": {true, true},
	} {
		f := newFake(t, sends(itself), says(theEnd, session("b", c.to)))
		step, err := f.client().Answer(t.Context(), holding("a", c.from), login, PasswordAnswer{Password: "x"})
		shows[Redirect](t, step, err)
		if step.Lost {
			t.Errorf("signing %s: got lost, want not", name)
		}
	}
}

func TestLost_ASessionRenewedWithThePasswordDoesNotCount(t *testing.T) {
	t.Parallel()
	f := newFake(
		t, sends(itself, session("a", false)), sends(itself, session("b", false)), says(theEnd, session("c", true)),
	)
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PromptAnswer{})
	shows[Redirect](t, step, err)
	if step.Lost {
		t.Error("got lost after an enrolment, want not")
	}
}

func TestLost_ASessionThatWasGoneBeforeTheAnswerCounts(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends(itself, session("b", false)), sends(itself, session("b", false)), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{Password: "x"})
	shows[Identification](t, step, err)
	if !step.Lost {
		t.Error("got not lost, want lost")
	}
}

func TestRestart_SessionBoundToAnotherNetwork(t *testing.T) {
	t.Parallel()
	gone := `authentik_session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=None; Secure`
	f := newFake(t, sends("/flows/-/default/authentication/?next=/api/v3/flows/executor/login/", gone), says(whoAreYou, session("b", false)))
	v := holding("a", true)
	v.Cookies["authentik_device"] = "d"
	step, err := f.client().Answer(t.Context(), v, login, ConsentAnswer{Token: "t"})
	shows[Identification](t, step, err)
	if !step.Lost || f.seen(1).method != http.MethodGet || f.seen(1).uri != itself {
		t.Errorf("got lost %v, then %s %s, want true, GET %s", step.Lost, f.seen(1).method, f.seen(1).uri, itself)
	}
	if f.seen(1).cookies[sessionCookie] != "" || f.seen(1).cookies["authentik_device"] != "d" {
		t.Errorf("got cookies %v after the restart, want those but the session", f.seen(1).cookies)
	}
}

func TestRestart_DeletedSessionIsReplacedOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, fails(http.StatusBadRequest, ""), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, IdentificationAnswer{UID: "x"})
	shows[Identification](t, step, err)
	if !step.Lost || f.seen(1).cookies[sessionCookie] != "" {
		t.Errorf("got lost %v, cookies %v, want true and no session", step.Lost, f.seen(1).cookies)
	}
	f = newFake(t, fails(http.StatusBadRequest, ""), fails(http.StatusBadRequest, ""))
	var ue *UnexpectedError
	if _, err := f.client().Ask(t.Context(), holding("a", false), login); !errors.As(err, &ue) || ue.Status != http.StatusBadRequest {
		t.Errorf("the second time: got %v", err)
	}
	f = newFake(t, unmarked(fails(http.StatusBadRequest, "<html>")))
	if _, err := f.client().Ask(t.Context(), holding("a", false), login); !errors.As(err, &ue) {
		t.Errorf("from something in front of authentik: got %v", err)
	}
}

func TestRestart_BeginsWithTheFirstFlow(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		says(`{"component":"xak-flow-redirect","to":"/if/flow/second/"}`),
		fails(http.StatusBadRequest, ""),
		says(whoAreYou, session("b", false)))
	step, err := f.client().Ask(t.Context(), holding("a", true), login)
	shows[Identification](t, step, err)
	if step.Flow != login || !step.Lost {
		t.Errorf("got flow %v, lost %v, want the first flow, true", step.Flow, step.Lost)
	}
}

func TestAnswer_IsNeverSentTwice(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}
	for name, reply := range map[string]http.HandlerFunc{
		"cut off":            cut,
		"bad gateway":        fails(http.StatusBadGateway, "{}"),
		"starting":           fails(http.StatusServiceUnavailable, ""),
		"internal error":     fails(http.StatusInternalServerError, ""),
		"too many requests":  fails(http.StatusTooManyRequests, ""),
		"temporary redirect": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", "/"); w.WriteHeader(307) },
	} {
		f := newFake(t, reply)
		v := holding("a", false)
		step, err := f.client().Answer(t.Context(), v, login, PasswordAnswer{Password: "x"})
		if err == nil || step.Challenge != nil {
			t.Errorf("%s: got no error", name)
		}
		if f.count() != 1 {
			t.Errorf("%s: got %d requests, want 1", name, f.count())
		}
		if step.Cookies[sessionCookie] != v.Cookies[sessionCookie] {
			t.Errorf("%s: got no session cookie, want it kept", name)
		}
	}
}
