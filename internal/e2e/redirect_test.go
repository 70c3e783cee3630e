package e2e

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// neighbours are two more sites of the Caddyfile: another application with a gate, and authentik itself.
const neighbours = `https://files.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		public_url https://auth.localhost:PORT
		application files
		client_id "gate of files"
		client_secret {env.CLIENT_SECRET}
		login redirect
	}
	reverse_proxy APPLICATION
}

https://auth.localhost:PORT {
	bind 127.0.0.1
	reverse_proxy AUTHENTIK
}
`

// A redirected site has its visitors sign in at authentik's own pages.
type redirected struct {
	*site
	files, auth string // the addresses of the other application and of authentik
}

func newRedirected(t testing.TB, gate ...string) *redirected {
	t.Helper()
	return redirecting(t, authentiktest.Config{}, append(gate, "login redirect")...)
}

// redirecting is the same with an authentik, and a way to sign in, of one's own.
func redirecting(t testing.TB, authentik authentiktest.Config, gate ...string) *redirected {
	t.Helper()
	chromium(t)
	authentik.Applications = []authentiktest.Application{client("files")}
	u := connected(setup{
		scheme: "https", more: neighbours, gate: append(gate, "public_url https://auth.localhost:PORT"), authentik: authentik,
	})
	r := &redirected{site: u.site(t)}
	r.files = strings.Replace(r.address, "localhost", "files.localhost", 1)
	r.auth = strings.Replace(r.address, "localhost", "auth.localhost", 1)
	r.meet("files", r.files)
	r.reach(r.files + "/.authentik/session")
	r.reach(r.auth + "/")
	return r
}

// reach waits until Caddy has a certificate for an address.
func (c *caddy) reach(address string) {
	c.Helper()
	transport := insecure()
	transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+processtest.Port(c, to))
	}
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, address, nil)
		if err != nil {
			c.Fatal(err)
		}
		if res, err := transport.RoundTrip(req); err == nil {
			_ = res.Body.Close()
			return
		}
	}
	c.Fatalf("Caddy does not answer for %s:\n%s", address, c.said())
}

// asked are the addresses that a window has asked for and that begin so.
func (w *window) asked(prefix string) (urls []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		for _, u := range r.urls {
			if strings.HasPrefix(u, prefix) {
				urls = append(urls, u)
			}
		}
	}
	slices.Sort(urls)
	return urls
}

// comesTo waits until the window is at an address, by way of others.
func (w *window) comesTo(address string) {
	w.Helper()
	at := ""
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		var err error
		if at, err = chromedp.Run(w.ctx, chromedp.Location()); err == nil && at == address {
			return
		}
	}
	w.Fatalf("the browser is at %s and does not come to %s", at, address)
}

// isSignedOut signs out by the page, and by way of authentik.
func (r *redirected) isSignedOut(w *window) {
	w.Helper()
	w.signOut()
	w.comesTo(r.address + "/.authentik/logout")
	w.shows("main a.button")
	w.hears("main", "You are signed out")
}

func TestAPersonSignsInAndOutAtAuthentiksOwnPages(t *testing.T) {
	t.Parallel()
	r := newRedirected(t)
	w := newWindow(t, r.address)
	w.open(deep)
	w.shows("#ak-uid_field")
	if at := w.at(); !strings.HasPrefix(at, r.auth+"/if/flow/default-authentication-flow/?") {
		t.Fatalf("led to %s", at)
	}
	if len(r.app.requests()) > 0 {
		t.Fatal("the application was reached before anybody had signed in")
	}
	w.signsInAtAuthentik()
	w.landed(deep)
	if got := w.text("h1"); got != "Hello "+janeName {
		t.Errorf("the application greets with %q", got)
	}

	// authentik knows her at the other application, without a word.
	other := w.tab()
	other.address = r.files
	other.open("/there?y=2")
	other.landed("/there?y=2")

	r.isSignedOut(w)
	if ends := w.asked(r.auth + "/application/o/app/end-session/"); len(ends) != 1 {
		t.Errorf("authentik was asked to end its session by %q", ends)
	}
	for _, all := range []*window{w, other} {
		all.open("/again")
		all.shows("#ak-uid_field")
		all.undisturbed(r.auth)
	}
}

// TestTabsThatSignInAtAuthentikEachLandWhereTheyWantedTo: whoever signs in at authentik a second time ends the session of the first
// time, and what the browser left with may be lost as well. Then the sign-in begins anew by itself.
func TestTabsThatSignInAtAuthentikEachLandWhereTheyWantedTo(t *testing.T) {
	t.Parallel()
	r := newRedirected(t)
	all := []*window{newWindow(t, r.address)}
	all = append(all, all[0].tab(), all[0].tab())
	paths := []string{"/0?a=b", "/1?c=d&e", "/2"}
	for i, tab := range all {
		tab.open(paths[i])
		tab.shows("#ak-uid_field")
	}
	for _, i := range []int{1, 0, 2} {
		all[i].signsInAtAuthentik()
		all[i].landed(paths[i])
	}
}

func TestACallbackThatIsLoadedAgainLeadsOn(t *testing.T) {
	t.Parallel()
	r := newRedirected(t)
	w := newWindow(t, r.address)
	w.open(deep)
	w.signsInAtAuthentik()
	w.landed(deep)
	callbacks := w.asked(r.address + "/.authentik/callback?")
	if len(callbacks) != 1 {
		t.Fatalf("sent back to %q", callbacks)
	}
	w.do(chromedp.Navigate(callbacks[0]))
	w.landed(deep)
	w.turn(-1)
	w.landed(deep)
	reload(w)
	w.landed(deep)
	w.undisturbed(r.auth)
	reload(back(w)) // authentik's page, which asks once more whoever comes back to it
	w.signsInAtAuthentik()
	w.landed(deep)
	if err := r.standIn.Delivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open(deep) // in a new session, where the second sign-in has ended that of the first
	w.landed(deep)

	r.isSignedOut(w)
	reached := len(r.app.requests())
	w.do(chromedp.Navigate(callbacks[0]))
	w.shows("#ak-uid_field")
	if len(r.app.requests()) != reached {
		t.Error("the application was reached with a code that has been used")
	}
	w.signsInAtAuthentik()
	w.landed(deep)
}

// TestASecondFactorIsAskedForAtAuthentiksOwnPages has somebody sign in who has none before, and then sets one up.
func TestASecondFactorIsAskedForAtAuthentiksOwnPages(t *testing.T) {
	t.Parallel()
	r := newRedirected(t, "require mfa")
	w := newWindow(t, r.address)
	w.open(deep)
	w.signsInAtAuthentik()
	w.shows("#ak-uid_field")
	if len(r.app.requests()) > 0 {
		t.Fatal("the application was reached without a second factor")
	}
	r.hasFactor()
	w.signsInAtAuthentik()
	w.enter("#ak-code", code)
	w.landed(deep)
	w.undisturbed(r.auth)
}
