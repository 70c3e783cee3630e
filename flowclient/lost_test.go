package flowclient

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestErrorsOfTheQuestionThatWasAnsweredAreShown(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(refusing(whichSecret, `{"password":[{"string":"Invalid password","code":"invalid"}],"non_field_errors":["odd"]}`), session("a", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{Password: "x"})
	got := shows[Password](t, step, err)
	want := FieldError{Text: "Invalid password", Code: "invalid"}
	if step.Lost || got.Errors["password"][0] != want || got.Errors[NonField][0].Text != "odd" {
		t.Errorf("lost %v, errors %v", step.Lost, got.Errors)
	}
}

// A visitor must never read a complaint about a field that was not on the page.
func TestErrorsOfAnUnseenQuestionAreDropped(t *testing.T) {
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
		"a forgotten session":             {holding("a", false), PromptAnswer{map[string]any{"old": "1"}}, refusing(prompt("old"), `{"old":[]}`), "b", true},
		"no session at all":               {Visitor{}, PasswordAnswer{"x"}, refusing(whichSecret, `{"password":[]}`), "b", true},
		"a worthless session":             {Visitor{Cookies: Cookies{sessionCookie: "not-a-token"}}, PasswordAnswer{"x"}, refusing(whichSecret, `{"password":[]}`), "b", true},
		"a name said in a new session":    {Visitor{}, IdentificationAnswer{UID: "x"}, refusing(whoAreYou, `{"non_field_errors":[]}`), "b", false},
		"a name that reached another one": {Visitor{}, IdentificationAnswer{UID: "x"}, refusing(whichSecret, `{"password":[]}`), "b", true},
	} {
		for _, answer := range []Answer{c.answer, rawOf(t, c.answer)} {
			f := newFake(t, says(c.reply, session(c.sid, false)))
			step, err := f.client().Answer(t.Context(), c.visitor, login, answer)
			if err != nil {
				t.Errorf("%s, %T: %v", name, answer, err)
				continue
			}
			base := step.Challenge.Common()
			if (base.Errors == nil) != c.dropped || step.Lost != c.dropped {
				t.Errorf("%s, %T: lost %v, errors %v; want dropped %v", name, answer, step.Lost, base.Errors, c.dropped)
			}
			if strings.Contains(string(base.Raw), "response_errors") == c.dropped {
				t.Errorf("%s, %T: raw is %s", name, answer, base.Raw)
			}
			roundTrip(t, step)
		}
	}
}

func TestSessionForgottenBetweenAnswerAndRedirect(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends(itself, session("a", false)), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{Password: "x"})
	shows[Identification](t, step, err)
	if !step.Lost || step.Cookies[sessionCookie] != token("b", false) {
		t.Errorf("lost %v", step.Lost)
	}
}

func TestANameMayBeSaidWithoutASession(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]Visitor{"none": {}, "a forgotten one": holding("a", false)} {
		f := newFake(t, sends(itself, session("b", false)), says(whichSecret, session("b", false)))
		step, err := f.client().Answer(t.Context(), v, login, IdentificationAnswer{UID: "jane"})
		shows[Password](t, step, err)
		if step.Lost {
			t.Errorf("with %s it counts as lost", name)
		}
	}
	f := newFake(t, sends(itself, session("a", false)), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, IdentificationAnswer{UID: "jane"})
	shows[Identification](t, step, err)
	if !step.Lost {
		t.Error("a session that went after the answer does not count as lost")
	}
}

func TestSigningInAndOutIsNotForgetting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to bool }{
		"in":               {false, true},
		"out":              {true, false},
		"as somebody else": {true, true},
	} {
		f := newFake(t, sends(itself), says(theEnd, session("b", c.to)))
		step, err := f.client().Answer(t.Context(), holding("a", c.from), login, PasswordAnswer{Password: "x"})
		shows[Redirect](t, step, err)
		if step.Lost {
			t.Errorf("signing %s counts as lost", name)
		}
	}
}

func TestASessionThatChangesWithThePasswordIsNotForgotten(t *testing.T) {
	t.Parallel()
	f := newFake(
		t, sends(itself, session("a", false)), sends(itself, session("b", false)), says(theEnd, session("c", true)),
	)
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PromptAnswer{})
	shows[Redirect](t, step, err)
	if step.Lost {
		t.Error("an enrolment counts as lost")
	}
}

func TestASessionThatWasGoneBeforeTheAnswerIsForgotten(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends(itself, session("b", false)), sends(itself, session("b", false)), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{Password: "x"})
	shows[Identification](t, step, err)
	if !step.Lost {
		t.Error("nothing was lost")
	}
}

func TestSessionBoundToAnotherNetworkBeginsAnew(t *testing.T) {
	t.Parallel()
	gone := `authentik_session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=None; Secure`
	f := newFake(t, sends("/flows/-/default/authentication/?next=/api/v3/flows/executor/login/", gone), says(whoAreYou, session("b", false)))
	v := holding("a", true)
	v.Cookies["authentik_device"] = "d"
	step, err := f.client().Answer(t.Context(), v, login, ConsentAnswer{Token: "t"})
	shows[Identification](t, step, err)
	if !step.Lost || f.seen(1).method != http.MethodGet || f.seen(1).uri != itself {
		t.Errorf("lost %v, then %s %s", step.Lost, f.seen(1).method, f.seen(1).uri)
	}
	if f.seen(1).cookies[sessionCookie] != "" || f.seen(1).cookies["authentik_device"] != "d" {
		t.Errorf("began anew with %v", f.seen(1).cookies)
	}
}

func TestSessionDeletedUnderWayBeginsAnewOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, fails(http.StatusBadRequest, ""), says(whoAreYou, session("b", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, IdentificationAnswer{UID: "x"})
	shows[Identification](t, step, err)
	if !step.Lost || f.seen(1).cookies[sessionCookie] != "" {
		t.Errorf("lost %v, cookies %v", step.Lost, f.seen(1).cookies)
	}
	f = newFake(t, fails(http.StatusBadRequest, ""), fails(http.StatusBadRequest, ""))
	var ue *UnexpectedError
	if _, err := f.client().Ask(t.Context(), holding("a", false), login); !errors.As(err, &ue) || ue.Status != http.StatusBadRequest {
		t.Errorf("the second time: %v", err)
	}
	f = newFake(t, unmarked(fails(http.StatusBadRequest, "<html>")))
	if _, err := f.client().Ask(t.Context(), holding("a", false), login); !errors.As(err, &ue) {
		t.Errorf("from something in front of authentik: %v", err)
	}
}

func TestBeginningAnewLeavesAChainedFlow(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		says(`{"component":"xak-flow-redirect","to":"/if/flow/second/"}`),
		fails(http.StatusBadRequest, ""),
		says(whoAreYou, session("b", false)))
	step, err := f.client().Ask(t.Context(), holding("a", true), login)
	shows[Identification](t, step, err)
	if step.Flow != login || !step.Lost {
		t.Errorf("flow %v, lost %v", step.Flow, step.Lost)
	}
}

func TestAnAnswerIsNeverSentTwice(t *testing.T) {
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
			t.Errorf("%s gave no error", name)
		}
		if f.count() != 1 {
			t.Errorf("%s: sent %d times", name, f.count())
		}
		if step.Cookies[sessionCookie] != v.Cookies[sessionCookie] {
			t.Errorf("%s: the cookies are gone", name)
		}
	}
}
