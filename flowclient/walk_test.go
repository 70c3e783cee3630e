package flowclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAsk_ReturnsTheQuestionAndTheSession(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(whoAreYou, session("a", false)))
	step, err := f.client().Ask(t.Context(), Visitor{}, Flow{Slug: "login", Query: "next=%2Fapp%2F"})
	got := shows[Identification](t, step, err)
	if got.FlowInfo.Title != "Hello" || step.Cookies[sessionCookie] != token("a", false) || step.Lost {
		t.Errorf("got %+v, lost %v", got.FlowInfo, step.Lost)
	}
	if want := "/api/v3/flows/executor/login/?query=next%3D%252Fapp%252F"; f.seen(0).uri != want {
		t.Errorf("got a request for %s, want %s", f.seen(0).uri, want)
	}
	if step.Flow != (Flow{Slug: "login", Query: "next=%2Fapp%2F"}) || step.Root != "https://auth.example.com/" {
		t.Errorf("got flow %v at %s", step.Flow, step.Root)
	}
}

// The right hand side was made with Python's urllib.parse.urlencode.
func TestFlow_QueryIsEncodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                       "query=",
		"next=/if/user/":         "query=next%3D%2Fif%2Fuser%2F",
		"a=b c":                  "query=a%3Db+c",
		"~_-.*!'()":              "query=~_-.%2A%21%27%28%29",
		"ü=1&x=%2B":              "query=%C3%BC%3D1%26x%3D%252B",
		"q=\"<>\\^`{|}#?@:;,$[]": "query=q%3D%22%3C%3E%5C%5E%60%7B%7C%7D%23%3F%40%3A%3B%2C%24%5B%5D",
	} {
		if got := (Flow{Slug: "s", Query: query}).path(); got != executorPath+"s/?"+want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
}

func TestAnswer_FollowsTheRedirectWithItsCookies(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		sends(itself, session("a", false), "authentik_mfa=remembered; Path=/; SameSite=Lax"),
		says(whichSecret, session("a", false)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, IdentificationAnswer{UID: "jane"})
	if got := shows[Password](t, step, err); got.PendingUser != "jane" {
		t.Errorf("got pending user %q, want jane", got.PendingUser)
	}
	if f.seen(0).method != http.MethodPost || f.seen(1).method != http.MethodGet || f.seen(1).uri != itself {
		t.Errorf("got requests %s, %s %s, want POST, GET", f.seen(0).method, f.seen(1).method, f.seen(1).uri)
	}
	if f.seen(1).cookies["authentik_mfa"] != "remembered" || step.Cookies["authentik_mfa"] != "remembered" {
		t.Error("got no cookie of the redirect, want it kept")
	}
}

func TestWalk_RedirectToTheExecutorInJSONIsFollowed(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		says(`{"component":"xak-flow-redirect","to":"/api/v3/flows/executor/other/?query=a%3D%2A"}`),
		says(whichSecret))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, DummyAnswer{})
	shows[Password](t, step, err)
	if step.Flow != (Flow{Slug: "other", Query: "a=*"}) {
		t.Errorf("got flow %v", step.Flow)
	}
}

func TestWalk_ChainedFlowHasTheSameSession(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{
		"relative":           "/if/flow/consent/?client_id=x&next=%2Fy",
		"on its own address": "https://auth.example.com/if/flow/consent/?client_id=x&next=%2Fy",
	} {
		f := newFake(t, says(`{"component":"xak-flow-redirect","to":"`+to+`"}`, session("a", true)), says(`{"component":"ak-stage-consent","token":"t"}`))
		step, err := f.client().Ask(t.Context(), holding("a", true), login)
		shows[Consent](t, step, err)
		if step.Flow != (Flow{Slug: "consent", Query: "client_id=x&next=%2Fy"}) {
			t.Errorf("%s: got flow %v, want consent", name, step.Flow)
		}
		if f.seen(1).cookies[sessionCookie] != token("a", true) {
			t.Errorf("%s: got no session in the second flow", name)
		}
	}
}

func TestWalk_KeepsTheSubPath(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		sends("/auth/api/v3/flows/executor/login/?query="),
		says(`{"component":"xak-flow-redirect","to":"/auth/if/flow/second/?a=b"}`),
		says(`{"component":"xak-flow-redirect","to":"/auth/api/v3/flows/executor/third/?query="}`),
		says(`{"component":"xak-flow-redirect","to":"/auth/flows/-/default/authentication/?next=%2F"}`),
		sends("/auth/if/flow/fourth/?next=%2F"),
		says(`{"component":"xak-flow-redirect","to":"/auth/"}`))
	c := f.client(func(cfg *Config) {
		cfg.URL = address(t, f.server.URL+"/auth/")
		cfg.PublicURL = address(t, "https://auth.example.com/auth")
	})
	step, err := c.Ask(t.Context(), holding("a", false), login)
	if got := shows[Redirect](t, step, err); got.Class() != RedirectFinished {
		t.Errorf("got %s at the end, want finished", got.Class())
	}
	for i := range f.count() {
		if !strings.HasPrefix(f.seen(i).uri, "/auth/") {
			t.Errorf("request %d: got %s, want it below /auth/", i, f.seen(i).uri)
		}
	}
	if step.Flow.Slug != "fourth" {
		t.Errorf("got flow %v", step.Flow)
	}
}

// TestWalk_RedirectOutOfTheExecutorChangesTheFlow has authentik lock an account: it
// ends the session and sends the visitor to the page of another flow.
func TestWalk_RedirectOutOfTheExecutorChangesTheFlow(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		sends("/if/flow/locked/?a=b", session("b", false)),
		says(`{"component":"ak-stage-access-denied"}`))
	step, err := f.client().Answer(t.Context(), holding("a", true), login, DummyAnswer{})
	shows[AccessDenied](t, step, err)
	if step.Flow != (Flow{Slug: "locked", Query: "a=b"}) || step.Lost || step.Authenticated() {
		t.Errorf("got flow %v, lost %v, authenticated %v, want locked, false, false", step.Flow, step.Lost, step.Authenticated())
	}
	if got := f.seen(1).uri; got != "/api/v3/flows/executor/locked/?query=a%3Db" {
		t.Errorf("got %s, want the executor of the other flow", got)
	}
}

func TestWalk_FindsTheDefaultFlowOfARedirect(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		says(`{"component":"xak-flow-redirect","to":"/flows/-/default/authentication/?next=%2Fx"}`),
		sends("/if/flow/welcome/?next=%2Fx"),
		says(whoAreYou))
	step, err := f.client().Ask(t.Context(), holding("a", false), login)
	shows[Identification](t, step, err)
	if f.seen(1).uri != "/flows/-/default/authentication/?next=%2Fx" || step.Flow != (Flow{Slug: "welcome", Query: "next=%2Fx"}) || step.Lost {
		t.Errorf("got %s, then %v, want the default flow", f.seen(1).uri, step.Flow)
	}
}

func TestWalk_EndlessRedirectsAreAborted(t *testing.T) {
	t.Parallel()
	script := make([]http.HandlerFunc, maxHops+1)
	for i := range script {
		script[i] = sends(itself, session("a", false))
	}
	f := newFake(t, script...)
	step, err := f.client().Ask(t.Context(), Visitor{}, login)
	if !errors.Is(err, ErrTooManySteps) || step.Challenge != nil {
		t.Errorf("got %v", err)
	}
	if step.Cookies[sessionCookie] == "" {
		t.Error("got no session cookie, want the cookies so far")
	}
	if f.count() != maxHops+1 {
		t.Errorf("got %d requests, want %d", f.count(), maxHops+1)
	}
}

func TestWalk_FollowsThirtySilentStages(t *testing.T) {
	t.Parallel()
	script := make([]http.HandlerFunc, 0, maxHops+1)
	for range maxHops {
		script = append(script, sends(itself))
	}
	f := newFake(t, append(script, says(theEnd))...)
	step, err := f.client().Ask(t.Context(), Visitor{}, login)
	shows[Redirect](t, step, err)
}

func TestWalk_NeverRequestsAnotherHost(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("got a request to another host than authentik's")
	}))
	t.Cleanup(other.Close)
	for to, class := range map[string]RedirectClass{
		other.URL + "/if/flow/login/":    RedirectExternal,
		"/application/o/authorize/?x=y":  RedirectApplication,
		"/source/oauth/login/github/":    RedirectSource,
		"/if/user/":                      RedirectFinished,
		"myapp://callback?code=1":        RedirectScheme,
		"javascript:alert(1)":            RedirectForbidden,
		other.URL[5:] + "/if/flow/login": RedirectExternal,
	} {
		body, _ := json.Marshal(map[string]string{"component": "xak-flow-redirect", "to": to})
		f := newFake(t, says(string(body)))
		step, err := f.client().Ask(t.Context(), Visitor{}, login)
		if got := shows[Redirect](t, step, err); got.Class() != class || got.To != to {
			t.Errorf("%s: got %s, want %s", to, got.Class(), class)
		}
	}
	for _, location := range []string{other.URL + itself, other.URL[5:] + itself, "/if/user/", "", "http://[::1", "/application/o/authorize/"} {
		f := newFake(t, sends(location))
		_, err := f.client().Ask(t.Context(), Visitor{}, login)
		var ue *UnexpectedError
		if !errors.As(err, &ue) || ue.Status != http.StatusFound {
			t.Errorf("%q: got %v", location, err)
		}
	}
}

func TestWalk_ChallengeWithoutComponent(t *testing.T) {
	t.Parallel()
	t.Run("with fields is a prompt", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, says(string(samples(t, "2026.5")["no-component"])))
		step, err := f.client().Ask(t.Context(), Visitor{}, login)
		if got := shows[Prompt](t, step, err); len(got.Fields) < 2 || got.Component() != ComponentPrompt {
			t.Errorf("got %d fields, want a prompt", len(got.Fields))
		}
	})
	t.Run("with nothing but flow_info is resumed once", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, says(`{"flow_info":{"title":"x"}}`), says(theEnd))
		step, err := f.client().Ask(t.Context(), holding("a", false), login)
		shows[Redirect](t, step, err)
		if f.seen(1).method != http.MethodPost || f.seen(1).body != "{}" {
			t.Errorf("got %s %s, want an empty POST", f.seen(1).method, f.seen(1).body)
		}
		f = newFake(t, says(`{"flow_info":{"title":"x"}}`), says(`{"flow_info":{"title":"x"}}`))
		if _, err = f.client().Ask(t.Context(), Visitor{}, login); !errors.Is(err, errNoComponent) {
			t.Errorf("the second time: got %v", err)
		}
	})
	t.Run("with anything else is unexpected", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{`{}`, `{"detail":"x"}`, `{"flow_info":{},"x":1}`, `{"flow_info":null}`, `{"error":"other"}`} {
			f := newFake(t, says(body))
			var ue *UnexpectedError
			if _, err := f.client().Ask(t.Context(), Visitor{}, login); !errors.As(err, &ue) {
				t.Errorf("%s: got %v", body, err)
			}
		}
	})
}

func TestWalk_UnknownFlowIsNotFound(t *testing.T) {
	t.Parallel()
	f := newFake(t, fails(http.StatusNotFound, ""))
	if _, err := f.client().Answer(t.Context(), holding("a", false), login, DummyAnswer{}); !errors.Is(err, ErrFlowNotFound) {
		t.Errorf("got %v, want ErrFlowNotFound", err)
	}
	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed} {
		f := newFake(t, unmarked(fails(status, "")))
		var ue *UnexpectedError
		if _, err := f.client().Ask(t.Context(), Visitor{}, login); !errors.As(err, &ue) || errors.Is(err, ErrFlowNotFound) {
			t.Errorf("status %d from something in front of authentik: got %v, want an UnexpectedError", status, err)
		}
	}
	for _, slug := range []string{"", "a/b", "..", "a?b", "ä", "a b", "a%2f", "a\n"} {
		if _, err := newFake(t).client().Ask(t.Context(), Visitor{}, Flow{Slug: slug}); !errors.Is(err, ErrFlowNotFound) {
			t.Errorf("slug %q: got %v", slug, err)
		}
	}
}

// TestExecutor_405IsAnErrorInsideUnlessTheFlowIsGone has authentik refuse an
// answer with 405, as it does in both cases.
func TestExecutor_405IsAnErrorInsideUnlessTheFlowIsGone(t *testing.T) {
	t.Parallel()
	inside := fails(http.StatusMethodNotAllowed, "")
	for name, c := range map[string]struct {
		page     http.HandlerFunc
		notFound bool
	}{
		"the page is gone":            {fails(http.StatusNotFound, "<html>"), true},
		"the page is there":           {fails(http.StatusOK, "<html>"), false},
		"a proxy says it is not":      {unmarked(fails(http.StatusNotFound, "")), false},
		"the page cannot be asked":    {fails(http.StatusBadGateway, ""), false},
		"the page fails in its turn":  {fails(http.StatusInternalServerError, ""), false},
		"the page leads to the login": {sends("/flows/-/default/authentication/"), false},
	} {
		f := newFake(t, inside, c.page)
		_, err := f.client().Answer(t.Context(), holding("a", false), login, DummyAnswer{})
		var ue *UnexpectedError
		if errors.Is(err, ErrFlowNotFound) != c.notFound || errors.As(err, &ue) == c.notFound {
			t.Errorf("%s: got %v, want ErrFlowNotFound: %v", name, err, c.notFound)
		}
		if ue != nil && ue.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: got status %d, want 405", name, ue.Status)
		}
		if got := f.seen(1); got.method != http.MethodGet || got.uri != "/if/flow/login/" {
			t.Errorf("%s: got %s %s, want GET /if/flow/login/", name, got.method, got.uri)
		}
	}
}

func TestClient_VisitorsAreIndependent(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, err := r.Cookie(sessionCookie)
		if err != nil {
			says(whoAreYou, "authentik_session="+r.Header.Get("X-Forwarded-For")+"; Path=/")(w, r)
			return
		}
		if r.Method == http.MethodPost {
			sends(itself)(w, r)
			return
		}
		says(`{"component":"ak-stage-dummy","name":"`+k.Value+`"}`)(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := New(Config{URL: address(t, server.URL), Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			addr := fmt.Sprintf("192.0.2.%d", i)
			v := Visitor{Addr: ip(t, addr)}
			step, err := c.Ask(t.Context(), v, login)
			if err != nil {
				t.Error(err)
				return
			}
			v.Cookies = step.Cookies
			step, err = c.Answer(t.Context(), v, login, IdentificationAnswer{UID: "jane"})
			if got, ok := step.Challenge.(Dummy); err != nil || !ok || got.Name != addr {
				t.Errorf("%s got %v, %v", addr, got.Name, err)
			}
		})
	}
	wg.Wait()
}
