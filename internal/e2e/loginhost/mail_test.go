package loginhost

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// TestLoginHost_MailedLinkLeadsToTheApplication: in another tab, and in another
// browser, which knows nothing of the sign-in that has asked for the mail.
func TestLoginHost_MailedLinkLeadsToTheApplication(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ options, aside, uid, waits string }{
		"authentik's interface": {"login_host", `a[href*="/if/flow/recovery"]`, "#ak-uid_field", "[data-stage=ak-stage-email]"},
		"the gate's own page":   {"login_host {\npage\n}", "button[value=recovery]", "#uid", "form:has([value=ak-stage-email]) button"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := setup("https", ":PORT", testsite.WithAsides())
			u.More = strings.Replace(u.More, "login_host", c.options, 1)
			s := started(t, u)
			for _, another := range []bool{false, true} {
				w := s.open(t, "wiki")
				w.Open("/deep?x=1")
				w.Click(c.aside)
				w.Do(chromedp.WaitNotPresent(c.aside)) // the next page has a field of the same name
				w.Enter(c.uid, testsite.Jane)
				w.Await(c.waits)
				if another {
					w = s.open(t, "wiki")
				} else {
					w = s.tab(w, "wiki")
				}
				w.Do(chromedp.Navigate(s.LastLink()))
				w.Click(`[data-stage=ak-stage-consent] form button`)
				w.Enter("#ak-password", testsite.Password)
				w.Landed("/deep?x=1")
			}
		})
	}
}
