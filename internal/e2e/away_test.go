package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// toldOf keeps the answers to a stage that asks with a script of the test's.
type toldOf struct {
	authentiktest.ScriptedStage
	mu  sync.Mutex
	all []map[string]any
}

func told(component, challenge string) *toldOf {
	s := &toldOf{ScriptedStage: authentiktest.ScriptedStage{Component: component, Challenge: challenge}}
	s.Check = func(answer map[string]any) map[string]string {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, answer)
		return nil
	}
	return s
}

// answer is the one that authentik got.
func (s *toldOf) answer(t testing.TB) map[string]any {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) != 1 {
		t.Fatalf("%d answers: %v", len(s.all), s.all)
	}
	return s.all[0]
}

// named are the stages of a login by name alone, with something in between.
func named(between authentiktest.Stage) []authentiktest.Stage {
	return []authentiktest.Stage{&authentiktest.IdentificationStage{UserFields: []string{"username"}}, between, &authentiktest.UserLoginStage{}}
}

// A stranger is another site, which takes down what it is sent.
type stranger struct {
	*httptest.Server
	mu    sync.Mutex
	forms []string
}

func newStranger(t testing.TB, answer string) *stranger {
	t.Helper()
	s := new(stranger)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.forms = append(s.forms, r.Method+" "+r.RequestURI+" "+string(body))
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>x</title><link rel="icon" href="data:,">`+answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) got() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.forms, "\n")
}

// TestAFormForAnotherSiteSendsItselfInChromium: where the policy did not allow the
// site, the browser would not send it. Names of fields must not stand in the way.
func TestAFormForAnotherSiteSendsItselfInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	there := newStranger(t, `<h1 id="there">There</h1>`)
	h := newHouse(t, named(told("ak-stage-autosubmit", `{"url":"`+there.URL+`/acs","attrs":{"SAMLResponse":"<x>","submit":"1","action":"2","method":"3"}}`))...)
	w := newWindow(t, h.address)
	w.open("/app#/secret")
	w.enter("#uid", jane)
	w.shows("#there")
	if got, want := there.got(), "POST /acs SAMLResponse=%3Cx%3E&action=2&method=3&submit=1"; got != want {
		t.Errorf("the other site got %q, want %q", got, want)
	}
	if at := w.at(); strings.Contains(at, "secret") {
		t.Errorf("the fragment went along: %s", at)
	}
}

// TestAPageThatWaitsForDuoGoesOnByItselfInChromium presses nothing.
func TestAPageThatWaitsForDuoGoesOnByItselfInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	var done atomic.Bool
	h := newHouseWith(t, authentiktest.Duo{Enrolment: func(authentiktest.User) (string, error) {
		return map[bool]string{true: "success", false: "waiting"}[done.Load()], nil
	}}, named(&authentiktest.AuthenticatorDuoStage{})...)
	w := newWindow(t, h.address)
	w.open("/app")
	w.enter("#uid", jane)
	w.shows(".qr")
	done.Store(true)
	w.landed("/app")
	w.quiet()
}

// TestTheAgentIsAskedInChromium has an extension's script in the page, and before
// its answer some that are none.
func TestTheAgentIsAskedInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	for name, row := range map[string]struct{ script, says any }{
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
		"nobody": {``, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stage := told("ak-stage-endpoint-agent", `{"challenge":"a.b.c","challenge_idle_timeout":1}`)
			h := newHouse(t, named(stage)...)
			w := newWindow(t, h.address)
			source, _ := row.script.(string)
			if _, err := chromedp.Call(w.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source}); err != nil {
				t.Fatal(err)
			}
			w.open("/app")
			w.enter("#uid", jane)
			w.landed("/app")
			if got := stage.answer(t)["response"]; got != row.says {
				t.Errorf("authentik was told %v, want %v", got, row.says)
			}
		})
	}
}

// TestLogoutsInFramesAreCountedInChromium signs out at two other sites, by an address and
// by a form, and goes on by itself.
func TestLogoutsInFramesAreCountedInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	wiki, crm := newStranger(t, `<script>top.location = "about:blank"</script>`), newStranger(t, ``)
	stage := told("ak-provider-iframe-logout", `{"logout_urls":[{"url":"`+wiki.URL+`/out?sid=1","provider_name":"Wiki","binding":"redirect"},
		{"url":"`+crm.URL+`/sls","provider_name":"CRM","binding":"post","saml_request":"<r>"}]}`)
	h := newHouse(t, named(stage)...)
	w := newWindow(t, h.address)
	w.open("/app")
	w.enter("#uid", jane)
	w.landed("/app")
	stage.answer(t)
	if got := wiki.got(); got != "GET /out?sid=1 " {
		t.Errorf("the wiki got %q", got)
	}
	if got := crm.got(); got != "POST /sls SAMLRequest=%3Cr%3E" {
		t.Errorf("the CRM got %q", got)
	}
}

// telegramButton is a page of a Telegram of the test's. Its button is pressed at once; before that
// it says some things that are none of the button's.
const telegramButton = `<script>
	const say = (what) => parent.postMessage(what, "*");
	say("nonsense");
	say(JSON.stringify({ event: "ready" }));
	say(JSON.stringify({ event: "auth_user", auth_data: { id: 987654321, first_name: "Te<le", auth_date: 1777800000, hash: "2d71" } }));
</script>`

func TestTelegramsButtonIsHeardInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	telegram := newStranger(t, telegramButton)
	stage := told("ak-source-telegram", `{"bot_username":"example_bot","request_message_access":true}`)
	h := newHouse(t, named(stage)...)
	w := newWindowOf(t, h.address, t.TempDir(),
		chromedp.Flag("host-resolver-rules", "MAP oauth.telegram.org "+strings.TrimPrefix(telegram.URL, "https://")))
	w.open("/app")
	// A page of this site's own cannot speak for Telegram.
	forged := `addEventListener("load", () => postMessage(JSON.stringify({ event: "auth_user", auth_data: { id: 1, auth_date: 1, hash: "forged" } })))`
	if _, err := chromedp.Call(w.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: forged}); err != nil {
		t.Fatal(err)
	}
	w.enter("#uid", jane)
	w.landed("/app")
	got := stage.answer(t)
	if got["hash"] != "2d71" || got["first_name"] != "Te<le" || len(got) != 5 {
		t.Errorf("authentik was told %v", got)
	}
	if asked := telegram.got(); !strings.HasPrefix(asked, "GET /embed/example_bot?origin=https%3A%2F%2F127.0.0.1") || !strings.Contains(asked, "request_access=write") {
		t.Errorf("Telegram was asked %q", asked)
	}
}
