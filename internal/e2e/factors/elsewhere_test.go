package factors

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// A scripted stage asks with a challenge of the test's, and keeps the answers.
type scripted struct {
	authentiktest.ScriptedStage
	mu      sync.Mutex
	answers []map[string]any
}

func newScripted(component, challenge string) *scripted {
	s := &scripted{ScriptedStage: authentiktest.ScriptedStage{Component: component, Challenge: challenge}}
	s.Check = func(answer map[string]any) map[string]string {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers = append(s.answers, answer)
		return nil
	}
	return s
}

// answer is the one answer that authentik got.
func (s *scripted) answer(t testing.TB) map[string]any {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) != 1 {
		t.Fatalf("got %d answers, want 1: %v", len(s.answers), s.answers)
	}
	return s.answers[0]
}

// start starts a site where a name signs in, with one stage after it.
func start(t testing.TB, stage authentiktest.Stage, duo authentiktest.Duo) *inprocess.Site {
	t.Helper()
	return inprocess.Setup{
		Authentik: authentiktest.Config{Duo: duo},
		Stages:    []authentiktest.Stage{&authentiktest.IdentificationStage{UserFields: []string{"username"}}, stage, &authentiktest.UserLoginStage{}},
	}.Start(t)
}

// An otherSite answers everything with one page, and records what it gets.
type otherSite struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newOtherSite(t testing.TB, page string) *otherSite {
	t.Helper()
	s := new(otherSite)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got = append(s.got, r.Method+" "+r.RequestURI+" "+string(body))
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>x</title><link rel="icon" href="data:,">`+page)
	}))
	t.Cleanup(s.Close)
	return s
}

// requests are all requests, each on a line.
func (s *otherSite) requests() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.got, "\n")
}

// TestAutosubmit_FormSendsItself: a content security policy that did not allow
// the other site would keep the browser from sending the form. Fields whose
// names are those of a form's own methods must not stand in the way.
func TestAutosubmit_FormSendsItself(t *testing.T) {
	t.Parallel()
	there := newOtherSite(t, `<h1 id="there">There</h1>`)
	s := start(t, newScripted("ak-stage-autosubmit",
		`{"url":"`+there.URL+`/acs","attrs":{"SAMLResponse":"<x>","submit":"1","action":"2","method":"3"}}`), authentiktest.Duo{})
	w := chromium.Open(t, s.Address)
	w.Open("/app#/secret")
	w.Enter("#uid", testsite.Jane)
	w.Await("#there")
	if got, want := there.requests(), "POST /acs SAMLResponse=%3Cx%3E&action=2&method=3&submit=1"; got != want {
		t.Errorf("got %q at the other site, want %q", got, want)
	}
	if got := w.URL(); strings.Contains(got, "secret") {
		t.Errorf("got the fragment at the other site: %s", got)
	}
}

// TestDuo_PageGoesOnByItself clicks on nothing.
func TestDuo_PageGoesOnByItself(t *testing.T) {
	t.Parallel()
	var enrolled atomic.Bool
	s := start(t, &authentiktest.AuthenticatorDuoStage{}, authentiktest.Duo{Enrolment: func(authentiktest.User) (string, error) {
		return map[bool]string{true: "success", false: "waiting"}[enrolled.Load()], nil
	}})
	w := chromium.Open(t, s.Address)
	w.Open("/app")
	w.Enter("#uid", testsite.Jane)
	w.Await(".qr")
	enrolled.Store(true)
	w.Landed("/app")
	w.CheckQuiet()
}

// TestEndpointAgent_IsAsked has the script of a browser extension in the page.
// Before its answer it sends messages that are not answers.
func TestEndpointAgent_IsAsked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		script string
		want   any
	}{
		"an agent": {`addEventListener("message", (e) => {
			if (e.data?._ak_ext !== "authentik-platform-sso" || e.data.challenge !== "a.b.c") return;
			postMessage({ _ak_ext: "someone-else", response: "no" });
			postMessage({ _ak_ext: "authentik-platform-sso", response: { no: 1 } });
			postMessage("authentik-platform-sso");
			postMessage({ _ak_ext: "authentik-platform-sso", response: "d.e.f" });
			postMessage({ _ak_ext: "authentik-platform-sso", response: "too late" });
		})`, "d.e.f"},
		"another window": {`addEventListener("message", (e) => {
			if (!e.data?.challenge) return;
			const data = { _ak_ext: "authentik-platform-sso", response: "forged" };
			dispatchEvent(new MessageEvent("message", { data, origin: location.origin }));
			dispatchEvent(new MessageEvent("message", { data, origin: "https://a.example", source: window }));
		})`, nil},
		"no agent": {``, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// An agent answers long before its time is up, however slow the machine
			// is; without one the test waits for no more than a second.
			idle := map[bool]string{true: "1", false: "60"}[row.want == nil]
			stage := newScripted("ak-stage-endpoint-agent", `{"challenge":"a.b.c","challenge_idle_timeout":`+idle+`}`)
			w := chromium.Open(t, start(t, stage, authentiktest.Duo{}).Address)
			w.AddScript(row.script)
			w.Open("/app")
			w.Enter("#uid", testsite.Jane)
			w.Landed("/app")
			if got := stage.answer(t)["response"]; got != row.want {
				t.Errorf("got the answer %v, want %v", got, row.want)
			}
		})
	}
}

// TestIframeLogout_GoesOnWhenAllFramesHaveLoaded signs out at two other sites,
// at one by an address and at one by a form. One of them tries to lead the
// window away.
func TestIframeLogout_GoesOnWhenAllFramesHaveLoaded(t *testing.T) {
	t.Parallel()
	wiki, crm := newOtherSite(t, `<script>top.location = "about:blank"</script>`), newOtherSite(t, ``)
	stage := newScripted("ak-provider-iframe-logout", `{"logout_urls":[{"url":"`+wiki.URL+`/out?sid=1","provider_name":"Wiki","binding":"redirect"},
		{"url":"`+crm.URL+`/sls","provider_name":"CRM","binding":"post","saml_request":"<r>"}]}`)
	w := chromium.Open(t, start(t, stage, authentiktest.Duo{}).Address)
	w.Open("/app")
	w.Enter("#uid", testsite.Jane)
	w.Landed("/app")
	stage.answer(t)
	if got, want := wiki.requests(), "GET /out?sid=1 "; got != want {
		t.Errorf("got %q at the wiki, want %q", got, want)
	}
	if got, want := crm.requests(), "POST /sls SAMLRequest=%3Cr%3E"; got != want {
		t.Errorf("got %q at the CRM, want %q", got, want)
	}
}

// telegramButton is a page in Telegram's place, whose button clicks itself.
// Before that it sends messages that are not of a signed-in user.
const telegramButton = `<script>
	const say = (what) => parent.postMessage(what, "*");
	say("nonsense");
	say(JSON.stringify({ event: "ready" }));
	say(JSON.stringify({ event: "auth_user", auth_data: { id: 987654321, first_name: "Te<le", auth_date: 1777800000, hash: "2d71" } }));
</script>`

func TestTelegram_OnlyItsOwnFrameIsTrusted(t *testing.T) {
	t.Parallel()
	telegram := newOtherSite(t, telegramButton)
	stage := newScripted("ak-source-telegram", `{"bot_username":"example_bot","request_message_access":true}`)
	s := start(t, stage, authentiktest.Duo{})
	w := chromium.OpenAlone(t, s.Address, t.TempDir(),
		chromedp.Flag("host-resolver-rules", "MAP oauth.telegram.org "+strings.TrimPrefix(telegram.URL, "https://")))
	w.Open("/app")
	// A page of the site itself cannot speak for Telegram.
	w.AddScript(`addEventListener("load", () => postMessage(JSON.stringify({ event: "auth_user", auth_data: { id: 1, auth_date: 1, hash: "forged" } })))`)
	w.Enter("#uid", testsite.Jane)
	w.Landed("/app")
	got := stage.answer(t)
	if got["hash"] != "2d71" || got["first_name"] != "Te<le" || len(got) != 5 {
		t.Errorf("got the answer %v, want the user of Telegram's frame", got)
	}
	if got := telegram.requests(); !strings.HasPrefix(got, "GET /embed/example_bot?origin=https%3A%2F%2F127.0.0.1") || !strings.Contains(got, "request_access=write") {
		t.Errorf("got %q at Telegram, want its button for this site", got)
	}
}
