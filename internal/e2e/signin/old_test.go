package signin

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/examples/legacy/ledger"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// TestOldApplication_SignsInAndOutWithTheGate: it has its own login form and
// knows nothing of the gate.
func TestOldApplication_SignsInAndOutWithTheGate(t *testing.T) {
	t.Parallel()
	const password = "from 1987"
	s := inprocess.Setup{
		Application: ledger.New(map[string]string{testsite.Jane: password}),
		Change: func(c *proxy.Config) {
			c.SignOutPaths = []string{"/logout"}
			c.SignOnForm = &proxy.SignOnForm{
				Page: "/login", Cookies: []string{"ledger_sid"},
				User:     proxy.FormField{Name: "username", Value: func(s proxy.Session) string { return s.User().Username }},
				Password: proxy.FormField{Name: "password", Value: func(proxy.Session) string { return password }},
			}
		},
	}.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open("/1987/march")
	w.Credentials()
	w.AwaitText("p", "Page /1987/march, for "+testsite.Jane)
	if got, want := w.URL(), s.Address+"/1987/march"; got != want {
		t.Errorf("got the application at %s, want %s", got, want)
	}
	w.ClickAndLoad("a")
	w.AwaitText("h1", "You are signed out")
	w.Open("/1987/march")
	w.Await("#uid")
	w.CheckQuiet()
}
