package signin

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// postAll makes requests of every form that fetch takes, at the same time.
const postAll = `window.results = Promise.all([
	fetch("/posted", { method: "POST", body: "one" }),
	fetch(new Request("/posted", { method: "POST", body: "two" })),
	fetch("/posted?x=1"),
]).then((all) => all.map((r) => r.status).join(" "))`

// TestSessionScript_RepeatsRequestsAfterASignIn has an application with the script,
// whose session expires.
func TestSessionScript_RepeatsRequestsAfterASignIn(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open("/scripted")
	w.SignIn("/scripted")
	w.AwaitTrue(`typeof authentikGate === "object"`)
	s.Clock.Advance(25 * time.Hour)
	w.Do(chromedp.Evaluate[chromedp.Void](postAll))
	w.Await("dialog[data-authentik] button")
	if got := chromium.Value[int](w, `document.querySelectorAll("dialog").length`); got != 1 {
		t.Errorf("got %d questions, want 1 for all requests", got)
	}
	window := opened(w, chromedp.Click(chromedp.CSS("dialog[data-authentik] button")))
	window.Credentials()
	if got := chromium.Value[string](w, "window.results"); got != "200 200 200" {
		t.Errorf("got statuses %s, want 200 for all", got)
	}
	if got := s.App.Posts(); len(got) != 2 || got[0] == got[1] {
		t.Errorf("got %q at the application, want each body once", got)
	}
	if w.True(`document.querySelector("dialog") !== null`) {
		t.Error("got the question left on the page")
	}
}

// TestSessionScript_CanBeDeclined leaves the application with the refusal.
func TestSessionScript_CanBeDeclined(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open("/scripted")
	w.SignIn("/scripted")
	s.Clock.Advance(25 * time.Hour)
	w.Do(chromedp.Evaluate[chromedp.Void](postAll))
	w.Click("dialog[data-authentik] button:last-of-type")
	if got := chromium.Value[string](w, "window.results"); got != "401 401 401" {
		t.Errorf("got statuses %s, want 401 for all", got)
	}
}

// TestSessionScript_AnotherUserMakesNoRequestAgain: the page may show what is not
// theirs, and loads again.
func TestSessionScript_AnotherUserMakesNoRequestAgain(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open("/scripted")
	w.SignIn("/scripted")
	w.AddScript(`{
		const send = fetch;
		let first = true;
		window.fetch = (to, ...rest) => {
			if (!first || !String(to).endsWith("/.authentik/session")) return send(to, ...rest);
			first = false;
			return Promise.resolve(new Response('{"user": "joe"}'));
		};
	}`)
	w.Reload()
	w.AwaitTrue(`typeof authentikGate === "object"`)
	s.Clock.Advance(25 * time.Hour)
	w.Do(chromedp.Evaluate[chromedp.Void](postAll))
	w.Await("dialog[data-authentik] button")
	window := opened(w, chromedp.Click(chromedp.CSS("dialog[data-authentik] button")))
	window.Credentials()
	w.AwaitTrue(`window.results === undefined && document.readyState === "complete"`)
	if got := s.App.Posts(); len(got) > 0 {
		t.Errorf("got %q at the application, want nothing", got)
	}
}
