package loginhost

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// desk is an application with a sign-in page, which leads to the login host what it
// cannot do.
const desk = "desk"

// names are those of the applications. A domain below localhost is one by itself.
var names = []string{"wiki", "files", "photos"}

// setup returns a login host and the applications. port is that by which browsers
// reach them, and more are further options of every gate.
func setup(scheme, port string, cfg authentiktest.Config, more ...string) testsite.Setup {
	block := func(name, behind string, options ...string) string {
		return scheme + "://" + name + ".localhost:PORT {\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK {\n\t\t" +
			strings.ReplaceAll(strings.Join(append(options, more...), "\n\t\t"), "NAME", name) + "\n\t}\n\treverse_proxy " + behind + "\n}\n"
	}
	u := testsite.Setup{Scheme: scheme, More: block("auth", "AUTHENTIK", "login_host"), Authentik: cfg}
	for _, name := range names {
		u.Authentik.Applications = append(u.Authentik.Applications, authentiktest.Application{Slug: name, Name: name})
		u.More += block(name, "APPLICATION", "login at "+scheme+"://auth.localhost"+port, "application "+name)
	}
	u.Authentik.Applications = append(u.Authentik.Applications, authentiktest.Application{Slug: desk, Name: desk})
	u.More += block(desk, "APPLICATION", "login page or at "+scheme+"://auth.localhost"+port, "application "+desk)
	return u
}

// A world is a login host and three applications.
type world struct{ *testsite.Site }

// start starts them in one Caddy.
func start(t testing.TB, cfg authentiktest.Config) world {
	t.Helper()
	return started(t, setup("https", ":PORT", cfg))
}

// startDemanding starts them with a second factor that an application demands, which
// visitors show in the flow second.
func startDemanding(t testing.TB, name string) world {
	t.Helper()
	cfg := testsite.Flow()
	cfg.Flows = append(cfg.Flows, testsite.SecondFactorFlow("second"))
	u := setup("https", ":PORT", cfg)
	u.More = strings.NewReplacer("login_host", "login_host\n\t\tstep_up second", "application "+name, "application "+name+"\n\t\trequire mfa").Replace(u.More)
	return started(t, u)
}

func started(t testing.TB, u testsite.Setup) world {
	t.Helper()
	chromium.Find(t)
	w := world{u.Start(t)}
	for _, name := range append(names, "auth", desk) {
		w.AwaitHost(w.at(name) + "/.authentik/")
	}
	return w
}

// at returns the origin of a site.
func (s world) at(name string) string {
	port := s.Address[strings.LastIndex(s.Address, ":"):]
	scheme, _, _ := strings.Cut(s.Address, "://")
	return scheme + "://" + name + ".localhost" + port
}

// open opens a window at the site of an application.
func (s world) open(t testing.TB, name string) *chromium.Window {
	t.Helper()
	return chromium.Open(t, s.at(name))
}

// tab opens another tab at the site of an application.
func (s world) tab(w *chromium.Window, name string) *chromium.Window {
	w.Helper()
	tab := w.Tab()
	tab.Address = s.at(name)
	return tab
}

// asked fails the test unless the window is at authentik's own sign-in.
func (s world) asked(w *chromium.Window) {
	w.Helper()
	w.Await("#ak-uid_field")
	if got, want := w.URL(), s.at("auth")+"/if/flow/"; !strings.HasPrefix(got, want) {
		w.Fatalf("got the browser at %s, want it at %s…", got, want)
	}
}

// leave has a window begin to load an address, and waits for nothing.
func leave(w *chromium.Window, address string) {
	w.Helper()
	w.Do(chromedp.Evaluate[chromedp.Void]("void location.assign(" + quoted(address) + ")"))
}

func quoted(text string) string { return `"` + text + `"` }

// status is what a script of the page gets for a path of its site.
func status(w *chromium.Window, path string) int {
	w.Helper()
	return chromium.Value[int](w, `fetch(`+quoted(path)+`, {headers: {Accept: "application/json"}}).then((got) => got.status)`)
}

// forget removes all cookies of a site from the browser.
func forget(w *chromium.Window, origin string) {
	w.Helper()
	res, err := chromedp.Call(w.Ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{origin + "/"}})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range res.Cookies {
		if _, err := chromedp.Call(w.Ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, URL: origin + "/"}); err != nil {
			w.Fatal(err)
		}
	}
}
