package authentiktest

import (
	"net/http"
	"strings"
	"testing"
)

func TestExecutor_DeniedFlowsDoNotRedirectToOtherHosts(t *testing.T) {
	t.Parallel()
	f := flowOf("no", dummy("a"))
	f.Policies = []Policy{says(false, "No.")}
	_, c := serve(t, Config{Flows: []Flow{f}})
	want(t, c.do(http.MethodGet, executor("no")+"&next=%2Fhere%2F", ""), "component", "xak-flow-redirect", "to", "/here/")
	for _, next := range []string{"https%3A%2F%2Fevil.example%2F", "%2F%2Fevil.example%2F"} {
		want(t, c.do(http.MethodGet, executor("no")+"&next="+next, ""), "component", "ak-stage-access-denied")
	}
}

func TestUserLoginStage_RefusesMissingAndInactiveUsers(t *testing.T) {
	t.Parallel()
	gone := person("lg-gone")
	gone.Inactive = true
	_, c := serve(t, Config{Users: []User{gone}, Flows: []Flow{
		flowOf("anonymous", &UserLoginStage{}),
		flowOf("inactive", ask(), &UserLoginStage{}),
	}})
	want(t, c.do(http.MethodGet, executor("anonymous"), ""), "component", "ak-stage-access-denied")
	denied := c.do(http.MethodPost, executor("inactive"), `{"uid_field": "lg-gone"}`)
	want(t, denied, "component", "ak-stage-access-denied", "error_message", "Unknown error")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
}

func TestCSRF_RefererMustHaveTheSameSchemeAndHost(t *testing.T) {
	t.Parallel()
	f := flowOf("click", dummy("a"))
	_, c := serve(t, Config{Users: people("lg-ref"), Flows: []Flow{oneStep("in"), f}})
	token := strings.Repeat("x", 32)
	session := signedIn(t, c, "in", "lg-ref")
	cookies := cookieSession + "=" + session + "; " + cookieCSRF + "=" + token
	host := strings.TrimPrefix(c.base, "http://")
	for referer, component := range map[string]string{
		"https://" + host + "/x":    "xak-flow-redirect",
		"http://" + host + "/x":     "ak-stage-flow-error",
		"https://evil.example/x":    "ak-stage-flow-error",
		"https://" + host + ".evil": "ak-stage-flow-error",
		"":                          "ak-stage-flow-error",
	} {
		got := browse(t, c.base).do(http.MethodPost, executor("click"), "{}", "Cookie", cookies,
			"X-Authentik-Csrf", token, "X-Forwarded-Proto", "https", "Referer", referer)
		want(t, got, "component", component)
	}
}

// signedIn signs a user in and returns the value of the session cookie.
func signedIn(t testing.TB, c *client, slug, username string) string {
	t.Helper()
	c.login(slug, username)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range c.http.Jar.Cookies(r.URL) {
		if cookie.Name == cookieSession {
			return cookie.Value
		}
	}
	t.Fatal("got no session cookie, want one")
	return ""
}

func TestSession_AnotherUserStartsWithAnEmptyOne(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{Users: people("lg-one", "lg-two"), Flows: []Flow{oneStep("in")}})
	value := signedIn(t, c, "in", "lg-one")
	claims, _ := s.verify(value)
	sid, _ := claims["sid"].(string)
	s.mu.Lock()
	s.sessions[sid].data["secret"] = "of the first user"
	s.mu.Unlock()
	v := s.visit(request(t, cookieSession+"="+value))
	if v.session.data["secret"] == nil {
		t.Fatal("got no session for the cookie, want one")
	}
	two, _ := s.User("lg-two")
	first := v.session.data[dataLogin]
	v.signIn(two)
	if v.session.data[dataLogin] == first {
		t.Error("got the first user's login in the second user's session, want none")
	}
	delete(v.session.data, dataLogin) // the second user's own
	if len(v.session.data) > 0 {
		t.Errorf("got %v in the second user's session, want it empty", v.session.data)
	}
}

func request(t testing.TB, cookie string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://auth.example.com/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", cookie)
	return r
}

func TestUserLogoutStage_DeletesTheSessionAndItsTarget(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{Users: people("lg-out"), Flows: []Flow{oneStep("in"), flowOf("out", &UserLogoutStage{})}})
	old := signedIn(t, c, "in", "lg-out")
	want(t, c.do(http.MethodGet, executor("out")+"next%3D%2Fbye%2F", ""), "component", "xak-flow-redirect", "to", "/")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	want(t, browse(t, c.base).do(http.MethodGet, usersMe, "", "Cookie", cookieSession+"="+old), "status", http.StatusForbidden)
	if n := s.Sessions(); n != 0 {
		t.Errorf("got %d sessions, want 0", n)
	}
}

func TestCancel_DeletesThePlanAndFollowsNextByRelease(t *testing.T) {
	t.Parallel()
	for release, to := range map[Release]string{
		Release202510: "/flows/-/default/invalidation/",
		Release202605: "/bye/",
	} {
		_, c := serve(t, Config{Release: release, Users: people("lg-stop"), Flows: []Flow{twoSteps("in")}})
		want(t, c.do(http.MethodPost, executor("in"), `{"uid_field": "lg-stop"}`), "component", "ak-stage-password")
		c.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path != to {
				t.Errorf("%s: got a redirect to %s, want %s", release, r.URL, to)
			}
			return http.ErrUseLastResponse
		}
		c.do(http.MethodGet, "/flows/-/cancel/?next=%2Fbye%2F", "")
		c.http.CheckRedirect = nil
		want(t, c.do(http.MethodGet, executor("in"), ""), "component", "ak-stage-identification")
	}
}
