package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestSignIn_LeadsBackToTheRequestedPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.open("/deep/link?x=1&y=%2F")
	page.says(t, "uid_field")
	if s.reached() != 0 {
		t.Fatal("got a request at the application before the sign-in, want none")
	}
	page = p.send(page, "uid_field", "jane")
	page.says(t, "password")
	page = p.send(page, "password", "open sesame")
	if page.path != "/deep/link?x=1&y=%2F" || page.body != "hello jane" {
		t.Fatalf("got the page at %q: %s", page.path, page.body)
	}
	r := s.last(t)
	for name, want := range map[string]string{
		"Remote-User": "jane", "Remote-Name": "Jane Doe", "Remote-Email": "jane@example.com", "Remote-Groups": "staff",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if c := r.Header.Get("Cookie"); c != "" {
		t.Errorf("got the gate's cookies at the application: %s", c)
	}
}

func TestSignIn_WrongPasswordIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.send(p.open("/"), "uid_field", "jane")
	page = p.send(page, "password", "wrong")
	page.says(t, "Invalid password")
	page.says(t, `role="alert"`)
	if page = p.send(page, "password", "open sesame"); page.body != "hello jane" {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
}

func TestSignOut_EndsEveryCopyOfTheCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	name := cookieNames(s.gate).Session
	stolen := p.cookie(name)
	if stolen == "" {
		t.Fatal("got no session cookie, want one")
	}
	thief := s.person(t)
	thief.setCookie(name, stolen)
	if page := thief.open("/"); page.body != "hello jane" {
		t.Fatalf("got the copied cookie refused before the end: %s", page.body)
	}
	p.open("/.authentik/logout").says(t, "jane")
	page := p.post("/.authentik/logout", nil)
	if page.status != http.StatusOK || page.path != "/.authentik/logout?ended=all" {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	before := s.reached()
	for _, who := range []*person{p, thief} {
		who.setCookie(name, stolen)
		if page := who.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") {
			t.Errorf("got %s opened with an ended session, want the sign-in", page.path)
		}
	}
	if s.reached() != before {
		t.Error("got a request at the application with an ended session")
	}
}

func TestSwitch_BeginsANewSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	page := p.post("/.authentik/logout", url.Values{"switch": {"1"}, "to": {"/there"}})
	page = p.send(page, "uid_field", "joe")
	if page = p.send(page, "password", "let me in"); page.path != "/there" || page.body != "hello joe" {
		t.Fatalf("got the page at %s: %s", page.path, page.body)
	}
}

func TestSession_EndsWithItsLifetime(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Lifetime = time.Hour })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.clock.move(59 * time.Minute)
	if page := p.open("/"); page.body != "hello jane" {
		t.Fatalf("got the session ended early: %s", page.body)
	}
	s.clock.move(2 * time.Minute)
	if page := p.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") {
		t.Fatalf("got the session valid after its lifetime: %s", page.path)
	}
}

func TestApplication_AccessIsAuthentiksDecision(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "wiki" })
	jane := s.person(t)
	if page := jane.signIn("jane", "open sesame", "/"); page.body != "hello jane" {
		t.Fatalf("got a member of staff refused: %s", page.body)
	}
	before := s.reached()
	joe := s.person(t)
	page := joe.signIn("joe", "let me in", "/")
	if page.status != http.StatusForbidden {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
	page.says(t, "joe")
	if page = joe.open("/page"); page.status != http.StatusForbidden {
		t.Errorf("page load without access: got status %d", page.status)
	}
	if s.reached() != before {
		t.Error("got a request at the application from a user without access")
	}
}

func TestApplication_UnknownOneAdmitsNoUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "nowhere" })
	page := s.person(t).signIn("jane", "open sesame", "/")
	if page.status != http.StatusBadGateway || s.reached() != 0 {
		t.Fatalf("got status %d, reached %d times", page.status, s.reached())
	}
	page.says(t, string(fault.ApplicationNotFound))
}

func TestFlow_UnknownOneIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "nowhere" })
	page := s.person(t).open("/")
	if page.status != http.StatusBadGateway {
		t.Fatalf("got status %d", page.status)
	}
	page.says(t, string(fault.FlowNotFound))
}

func TestFlow_DefaultIsTheBrands(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "" })
	p := s.person(t)
	if page := p.signIn("jane", "open sesame", "/"); page.body != "hello jane" {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
	if cookieNames(s.gate).Session != "__Host-authentik_gate" {
		t.Errorf("got the cookie name %s without a flow", cookieNames(s.gate).Session)
	}
}

func TestFlow_WithoutALoginAdmitsNoUser(t *testing.T) {
	t.Parallel()
	flow := authentiktest.Flow{Slug: "empty", Bindings: []authentiktest.Binding{{Stage: &authentiktest.DummyStage{}}}}
	s := newSite(t, func(c *Config) { c.Flow = "empty" }, flow)
	p := s.person(t)
	page := p.send(p.open("/"))
	if s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" {
		t.Fatal("got a session by a flow without a login stage, want none")
	}
	page.says(t, "component")
}

func TestVisit_LostAtAuthentikBeginsAgainWithoutErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.send(p.open("/kept?a=b"), "uid_field", "jane")
	s.authentik.Forget()
	page = p.send(page, "password", "open sesame")
	page.says(t, "authentik has lost your last answer.")
	if strings.Contains(page.body, `role="alert"`) {
		t.Errorf("got an error of a field that the visitor has not seen:\n%s", page.body)
	}
	page = p.send(page, "uid_field", "jane")
	if page = p.send(page, "password", "open sesame"); page.path != "/kept?a=b" {
		t.Fatalf("got the page at %s", page.path)
	}
}

func TestVisit_MistakeAfterANewBeginningIsShown(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.send(p.open("/"), "uid_field", "jane")
	s.authentik.Forget()
	page = p.send(page, "password", "open sesame")
	page = p.send(page, "uid_field", "")
	page.says(t, "Enter the name you sign in with.")
	page.says(t, `aria-invalid="true"`)
}

func TestVisit_TabsAreIndependent(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	one, two := p.open("/one"), p.open("/two")
	one = p.send(one, "uid_field", "jane")
	two = p.send(two, "uid_field", "joe")
	if page := p.send(one, "password", "open sesame"); page.path != "/one" || page.body != "hello jane" {
		t.Fatalf("tab one: got the page at %s: %s", page.path, page.body)
	}
	// The other tab's page is dead by now, and its visitor is signed in.
	if page := p.send(two, "password", "let me in"); page.path != "/two" || page.body != "hello jane" {
		t.Fatalf("tab two: got the page at %s: %s", page.path, page.body)
	}
}

func TestVisit_ExpiredPageKeepsItsWayBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.open("/kept")
	s.clock.move(signin.VisitLife + time.Minute)
	page = p.send(page, "uid_field", "jane")
	page.says(t, "Your sign-in took too long and has started over.")
	page = p.send(page, "uid_field", "jane")
	if page = p.send(page, "password", "open sesame"); page.path != "/kept" {
		t.Fatalf("got the page at %s", page.path)
	}
}

func TestVisit_MissingCookieIsExplained(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	page := s.person(t).open("/kept")
	other := s.person(t) // no cookie, or another browser's
	for range 2 {
		lost := other.send(page, "uid_field", "jane")
		if lost.status != http.StatusBadRequest {
			t.Fatalf("got status %d", lost.status)
		}
		lost.says(t, string(fault.VisitLost))
		lost.says(t, "%2Fkept")
		other.open("/")
	}
}

func TestSignIn_BrowserWithoutCookiesIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.open("/.authentik/login?signed-in=1&to=/x")
	if page.status != http.StatusBadRequest {
		t.Fatalf("got status %d", page.status)
	}
	page.says(t, string(fault.CookiesBlocked))
}

// TestSignIn_BrowserThatSendsTheCookieIsNotBlamed has a Caddy with another key
// beside the one that has begun the session.
func TestSignIn_BrowserThatSendsTheCookieIsNotBlamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.setCookie(cookieNames(s.gate).Session, seal.NewSecret().Cookie())
	page := p.open("/.authentik/login?signed-in=1&to=/x")
	if page.status != http.StatusBadRequest || strings.Contains(page.body, string(fault.CookiesBlocked)) {
		t.Fatalf("got status %d, want 400 without %s: %s", page.status, fault.CookiesBlocked, page.body)
	}
	page.says(t, "<code>"+string(fault.SessionLost)+"</code>")
	page.says(t, unknown)
	page.says(t, `href="/.authentik/login?to=%2Fx"`)
}

func TestDevice_IsRememberedAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	browser, ok := seal.ParseSecret(p.cookie("__Host-authentik_browser"))
	if !ok {
		t.Fatal("got no device cookie stored, want the browser remembered")
	}
	at := Resolved{Scheme: "https", Host: strings.TrimPrefix(s.URL, "https://")}
	cookies := s.gate.member.SignIn.Recall(t.Context(), browser, at.Host)
	if cookies["authentik_device"] == "" || cookies["authentik_session"] != "" {
		t.Fatalf("got %v cookies remembered", len(cookies))
	}
}

func TestVisit_BrowserGetsNothingOfAuthentikInClear(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.send(p.open("/"), "uid_field", "jane")
	all := page.body
	for _, lines := range page.header {
		all += strings.Join(lines, "\n")
	}
	browser, ok := seal.ParseSecret(p.cookie("__Host-authentik_visit"))
	if !ok {
		t.Fatal("got no visit cookie, want one")
	}
	at := Resolved{Scheme: "https", Host: strings.TrimPrefix(s.URL, "https://")}
	vis, err := openVisit(s.gate, browser, at, page.fields().Get("visit"))
	if err != nil || len(vis.Step.Cookies) == 0 {
		t.Fatalf("got %d cookies in the visit (%v)", len(vis.Step.Cookies), err)
	}
	for name, value := range vis.Step.Cookies {
		if strings.Contains(all, name) || strings.Contains(all, value) {
			t.Errorf("got %s on the page, want none", name)
		}
	}
}

func TestCookies_AreHTTPOnlyAndSameSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	var set []string
	p.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		set = append(set, r.Response.Header["Set-Cookie"]...)
		return nil
	}
	set = append(set, p.open("/").header["Set-Cookie"]...)
	p.signIn("jane", "open sesame", "/")
	set = append(set, p.post("/.authentik/logout", nil).header["Set-Cookie"]...)
	names := map[string]bool{}
	for _, line := range set {
		name, _, _ := strings.Cut(line, "=")
		names[name] = true
		for _, mark := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			if !strings.Contains(line, "; "+mark) {
				t.Errorf("%s: got no %s", name, mark)
			}
		}
		if strings.Contains(line, "Domain") || len(line) > 160 {
			t.Errorf("got %s, want a short cookie without Domain", line)
		}
	}
	if len(names) != 4 {
		t.Errorf("got the cookies %v, want four", names)
	}
}

// recoveryFlow signs in any user whose name it is given, as a bad one would.
func recoveryFlow() []authentiktest.Flow {
	demanding := loginFlow("demanding")
	demanding.Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: []string{"username"}, RecoveryFlow: "recovery"}
	return []authentiktest.Flow{demanding, {
		Slug: "recovery", Designation: authentiktest.DesignationRecovery, Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
			{Stage: &authentiktest.UserLoginStage{}},
		},
	}}
}

func TestFlow_OtherThanTheDemandedAdmitsNoUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "demanding" }, recoveryFlow()...)
	p := s.person(t)
	page := p.send(p.open("/kept"), "flow", "recovery")
	page = p.send(page, "uid_field", "jane")
	page.says(t, "Done. You can sign in now.")
	if s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" {
		t.Fatal("got a session by another flow than the demanded one, want none")
	}
	page = p.send(page, "uid_field", "jane")
	if page = p.send(page, "password", "open sesame"); page.path != "/kept" || page.body != "hello jane" {
		t.Fatalf("got the page at %s: %s", page.path, page.body)
	}
}

func TestFlow_OnlyOfferedOnesAreStarted(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	for _, flow := range []string{"recovery", "enroll", "../strong", "strong"} {
		if page := p.send(p.open("/"), "flow", flow); page.status != http.StatusBadRequest {
			t.Errorf("%q: got status %d", flow, page.status)
		}
	}
}

func TestVisit_SecretIsRenewedBySignInAndSignOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	const name = "__Host-authentik_visit"
	p.open("/")
	first := p.cookie(name)
	p.signIn("jane", "open sesame", "/")
	second := p.cookie(name)
	p.post("/.authentik/logout", nil)
	third := p.cookie(name)
	if first == "" || first == second || second == third || third == "" {
		t.Errorf("got the secrets %q, %q, %q, want three different ones", first, second, third)
	}
}

func TestSignIn_EndsTheSessionThatItReplaces(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.open("/")
	visits, name := p.cookie("__Host-authentik_visit"), cookieNames(s.gate).Session
	p.signIn("jane", "open sesame", "/")
	before := p.cookie(name)
	p.setCookie("__Host-authentik_visit", visits)
	page = p.send(page, "uid_field", "joe")
	if page = p.send(page, "password", "let me in"); page.body != "hello joe" {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
	thief := s.person(t)
	thief.setCookie(name, before)
	if page := thief.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") {
		t.Error("got the application opened with the replaced session")
	}
}
