package authentiktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A client is one browser at a stand-in behind a real HTTP server.
type client struct {
	t    testing.TB
	http *http.Client
	base string
}

func serve(t testing.TB, cfg Config) (*Server, *client) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, browse(t, web.URL+s.base)
}

func browse(t testing.TB, base string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, base: base, http: &http.Client{Jar: jar}}
}

// do sends a request, follows redirects and returns the JSON of the last response.
func (c *client) do(method, path, body string, header ...string) object {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	o := object{}
	if err := json.Unmarshal(raw, &o); err != nil {
		o["text"] = string(raw)
	}
	o["status"] = res.StatusCode
	return o
}

func executor(slug string) string { return "/api/v3/flows/executor/" + slug + "/?query=" }

const usersMe = "/api/v3/core/users/me/"

// login signs a user in by a flow of one step.
func (c *client) login(slug, username string) object {
	c.t.Helper()
	return c.do(http.MethodPost, executor(slug), fmt.Sprintf(`{"uid_field": %q, "password": %q}`, username, goodPassword))
}

func want(t testing.TB, got object, pairs ...any) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if name := fmt.Sprint(pairs[i]); got[name] != pairs[i+1] {
			t.Errorf("%s: got %v, want %v (in %v)", name, got[name], pairs[i+1], got)
		}
	}
}

func TestServer_ServesBelowItsPath(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Config{Path: "/auth/", Users: people("lg-path"), Flows: []Flow{oneStep("in")}})
	first := c.do(http.MethodGet, executor("in"), "")
	info, _ := first["flow_info"].(object)
	want(t, info, "cancel_url", "/auth/flows/-/cancel/", "background", "/auth/static/dist/assets/images/flow_background.jpg")
	want(t, c.login("in", "lg-path"), "component", "xak-flow-redirect", "to", "/auth/")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
	outside := browse(t, strings.TrimSuffix(c.base, "/auth"))
	want(t, outside.do(http.MethodGet, executor("in"), ""), "status", http.StatusNotFound)
}

func TestServer_ForgetDropsAllSessions(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{Users: people("lg-lost"), Flows: []Flow{twoSteps("in")}})
	c.do(http.MethodPost, executor("in"), `{"uid_field": "lg-lost"}`)
	if s.Sessions() != 1 {
		t.Errorf("got %d sessions, want 1", s.Sessions())
	}
	s.Forget()
	lost := c.do(http.MethodPost, executor("in"), `{"password": "`+goodPassword+`"}`)
	want(t, lost, "component", "ak-stage-identification")
	if lost["response_errors"] == nil {
		t.Error("got the answer to a forgotten stage ignored, want it given to the first stage")
	}
}

func TestServer_EndSessionsEndsThoseOfOneUser(t *testing.T) {
	t.Parallel()
	s, one := serve(t, Config{Users: people("lg-one", "lg-two"), Flows: []Flow{oneStep("in")}})
	two := browse(t, one.base)
	one.login("in", "lg-one")
	two.login("in", "lg-two")
	if n := s.EndSessions("lg-one"); n != 1 {
		t.Errorf("got %d sessions ended, want 1", n)
	}
	want(t, one.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	want(t, two.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
	if n := s.EndSessions("lg-unknown"); n != 0 {
		t.Errorf("got %d sessions ended of an unknown user, want 0", n)
	}
}

func TestSession_ForgedCookieIsRefused(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{Users: people("lg-victim"), Flows: []Flow{oneStep("in")}})
	c.login("in", "lg-victim")
	other, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for sid := range s.sessions {
		forged := other.sign(map[string]any{"sid": sid, "authenticated": true})
		got := browse(t, c.base).do(http.MethodGet, usersMe, "", "Cookie", cookieSession+"="+forged)
		want(t, got, "status", http.StatusForbidden)
	}
}

func TestSession_Expires(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	_, c := serve(t, Config{Now: clock, Users: people("lg-hour"), Flows: []Flow{
		flowOf("in", askBoth(), &UserLoginStage{Duration: time.Hour}),
	}})
	c.login("in", "lg-hour")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
	mu.Lock()
	now = now.Add(2 * time.Hour)
	mu.Unlock()
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
}

func TestUserLoginStage_EndsOtherSessionsIfConfigured(t *testing.T) {
	t.Parallel()
	_, one := serve(t, Config{Users: people("lg-single"), Flows: []Flow{
		flowOf("in", askBoth(), &UserLoginStage{TerminateOthers: true}),
	}})
	two := browse(t, one.base)
	one.login("in", "lg-single")
	two.login("in", "lg-single")
	want(t, one.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	want(t, two.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
}

func TestSession_DeletedDuringARequestIsAnError(t *testing.T) {
	t.Parallel()
	var s *Server
	cruel := Policy{Func: func(*PolicyRequest) (bool, []string, error) { s.Forget(); return true, nil, nil }}
	f := flowOf("in", dummy("a"), dummy("b"))
	f.Bindings[1].Policies = []Policy{cruel}
	s, c := serve(t, Config{Flows: []Flow{f}})
	c.do(http.MethodGet, executor("in"), "")
	want(t, c.do(http.MethodPost, executor("in"), `{}`), "status", http.StatusBadRequest)
}

func TestFlowError_OnlySuperusersSeeTheCause(t *testing.T) {
	t.Parallel()
	root := person("lg-root")
	root.Groups = []string{"admins"}
	_, c := serve(t, Config{
		Users: []User{root}, Groups: []Group{{Name: "admins", Superuser: true}},
		Tokens: map[string]string{"key-of-root": "lg-root"},
		Flows:  []Flow{flowOf("boom", &DummyStage{Throw: true})},
	})
	if got := c.do(http.MethodGet, executor("boom"), ""); got["error"] != nil || got["request_id"] == nil {
		t.Errorf("got %v for an ordinary visitor, want no cause", got)
	}
	got := c.do(http.MethodGet, executor("boom"), "", "Authorization", "Bearer key-of-root")
	want(t, got, "component", "ak-stage-flow-error", "error", errRaised.Error())
}

func TestScriptedStage_ShowsAChallengeAndChecksTheAnswer(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Config{Flows: []Flow{flowOf("any", &ScriptedStage{
		Component: "ak-stage-of-tomorrow",
		Challenge: `{"flow_info": null, "riddle": ["one", 2]}`,
		Check: func(answer map[string]any) map[string]string {
			if answer["guess"] == "three" {
				return nil
			}
			return map[string]string{"guess": "No."}
		},
	})}})
	asked := c.do(http.MethodGet, executor("any"), "")
	want(t, asked, "component", "ak-stage-of-tomorrow", "flow_info", nil)
	if got := fmt.Sprint(asked["riddle"]); got != "[one 2]" {
		t.Errorf("got the field riddle = %s, want [one 2]", got)
	}
	if refused := c.do(http.MethodPost, executor("any"), `{"guess": "two"}`); refused["response_errors"] == nil {
		t.Errorf("got %v after a wrong answer", refused)
	}
	want(t, c.do(http.MethodPost, executor("any"), `{"guess": "three"}`), "component", "xak-flow-redirect")
}

func TestCheckAccess_EvaluatesTheBindingsOfTheApplication(t *testing.T) {
	t.Parallel()
	staff := person("lg-staff")
	staff.Groups = []string{"staff"}
	_, c := serve(t, Config{
		Users: []User{staff, person("lg-guest")}, Flows: []Flow{oneStep("in")},
		Applications: []Application{
			{Slug: "closed", Policies: []Policy{{Group: "staff"}}},
			{Slug: "not-staff", Policies: []Policy{{Group: "staff", Negate: true}}},
			{Slug: "both", PolicyMode: PolicyAll, Policies: []Policy{{Group: "staff"}, {User: "lg-guest"}}},
			{Slug: "open"},
		},
	})
	for who, passing := range map[string]map[string]bool{
		"":         {"closed": false, "not-staff": true, "both": false, "open": true},
		"lg-staff": {"closed": true, "not-staff": false, "both": false, "open": true},
		"lg-guest": {"closed": false, "not-staff": true, "both": false, "open": true},
	} {
		visitor := browse(t, c.base)
		if who != "" {
			visitor.login("in", who)
		}
		for slug, pass := range passing {
			want(t, visitor.do(http.MethodGet, "/api/v3/core/applications/"+slug+"/check_access/", ""), "passing", pass)
		}
	}
	want(t, c.do(http.MethodGet, "/api/v3/core/applications/none/check_access/", ""), "status", http.StatusNotFound)
}

func TestServer_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{Users: people("lg-many"), Flows: []Flow{oneStep("in")}})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			visitor := browse(t, c.base)
			for range 5 {
				visitor.login("in", "lg-many")
				s.EditUser("lg-many", func(u *User) { u.Groups = append(u.Groups, "x") })
				s.EditFlow("in", func(f *Flow) { f.Title += "!" })
				s.EndSessions("lg-many")
			}
		})
	}
	all.Wait()
	if s.Requests() < 40 {
		t.Errorf("got %d requests counted", s.Requests())
	}
}

func TestNew_ErrorNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Release: "1999.1", Path: "auth", Users: []User{{Username: "a"}, {Username: "a"}},
		Flows: []Flow{{Slug: "no slug"}, {Slug: "f", Bindings: []Binding{{}}}}, Applications: []Application{{}},
	})
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for _, what := range []string{`"1999.1"`, `path "auth"`, `user "a"`, `flow "no slug"`, "binding 0", `application ""`} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("got no mention of %s in the error: %v", what, err)
		}
	}
}
