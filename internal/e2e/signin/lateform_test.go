package signin

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// typeAndSend fills a form into the application's page, and sends it.
const typeAndSend = `(() => {
	const form = document.createElement("form");
	form.method = "post";
	form.action = "/posted?id=7";
	for (const [name, value] of [["title", 'A "b" <c> & d'], ["body", "one\ntwo\r\nthree"], ["tag", "z"], ["tag", "a"], ["empty", ""]]) {
		const field = document.createElement("textarea");
		field.name = name;
		field.value = value;
		form.append(field);
	}
	document.body.append(form);
	form.submit();
})()`

// sentForm is what the application has to get of it.
const sentForm = "title=A+%22b%22+%3Cc%3E+%26+d&body=one%0D%0Atwo%0D%0Athree&tag=z&tag=a&empty="

// TestLateForm_IsSentAfterASignInInAnotherTab has a session that expires while a
// form is filled in.
func TestLateForm_IsSentAfterASignInInAnotherTab(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inprocess.Start(t)
			w := chromium.Open(t, s.Address)
			w.Open(deep)
			w.SignIn(deep)
			s.Clock.Advance(25 * time.Hour)
			w.Do(chromedp.Evaluate[chromedp.Void](typeAndSend))
			w.Await("main a[target=_blank]")
			w.AwaitText("h1", "Sign in to send your form")
			if got := s.App.Posts(); len(got) > 0 {
				t.Fatalf("got %q at the application before the sign-in", got)
			}
			if !scripts {
				w.DisableScripts()
			}
			link := chromium.Value[string](w, `document.querySelector("main a[target=_blank]").href`)
			tab := w.Tab()
			tab.Do(chromedp.Navigate(link))
			tab.Credentials()
			tab.AwaitURL(s.Address + "/.authentik/late")
			tab.AwaitText("main", "go back to the one with your form")
			w.ClickAndLoad("form button")
			w.AwaitText("main", "You are signed in as jane.")
			w.ClickAndLoad("form button")
			w.Landed("/posted?id=7")
			if got := s.App.Posts(); len(got) != 1 || got[0] != sentForm {
				t.Errorf("got %q at the application, want %q once", got, sentForm)
			}
			for _, c := range w.Complaints() {
				if !strings.Contains(c, "status of 401") { // of the page that keeps the form
					t.Errorf("got a complaint of the browser: %s", c)
				}
			}
		})
	}
}
