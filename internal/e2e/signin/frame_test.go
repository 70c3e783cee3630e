package signin

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// embedding are the routes of a site that shows another page in a frame,
// without a sign-in.
const embedding = `@embedding path /embedding
	handle @embedding {
		header Content-Type "text/html; charset=utf-8"
		respond "<!doctype html><html lang=en><title>Embedding</title><link rel=icon href='data:,'><h1>Embedding</h1><iframe id=wiki width=600 height=500 src='EMBEDDED'></iframe>"
	}
	handle {
		authentik AUTHENTIK
		reverse_proxy APPLICATION
	}`

// wiki is the address that the frame shows. It ends in a fragment.
const wiki = "/deep/link?x=1#part"

// An embedded site shows an application in a frame, at addresses of three
// kinds.
type embedded struct {
	sameOrigin string
	sameSite   string // has the frame's registrable domain, which browsers take app.localhost for
	otherSite  string
}

func startEmbedded(t testing.TB) embedded {
	t.Helper()
	chromium.Find(t)
	routes := func(to string) string { return strings.Replace(embedding, "EMBEDDED", to, 1) }
	const wikis = "https://wiki.app.localhost:PORT" + wiki
	more := ""
	for host, to := range map[string]string{"wiki.app.localhost": wiki, "app.localhost": wikis, "other.localhost": wikis} {
		more += "\n\nhttps://" + host + ":PORT {\n\tbind 127.0.0.1\n\t" + routes(to) + "\n}"
	}
	s := testsite.Setup{Scheme: "https", Routes: routes(wiki), More: more}.Start(t)
	at := func(host string) string { return strings.Replace(s.Address, "localhost", host, 1) }
	for _, host := range []string{"wiki.app.localhost", "app.localhost", "other.localhost"} {
		s.AwaitHost(at(host) + "/embedding")
	}
	return embedded{s.Address, at("app.localhost"), at("other.localhost")}
}

// frame is what the window shows in its frame.
func frame(w *chromium.Window) chromedp.QueryOption {
	w.Helper()
	nodes, err := chromedp.Run(w.Ctx, chromedp.Nodes(chromedp.CSS("#wiki"), chromedp.NodeReady))
	if err != nil {
		w.Fatal(err)
	}
	return chromedp.FromNode(nodes[0])
}

// awaitFrame waits until the frame says something. While it loads there is
// nothing to read in it.
func awaitFrame(w *chromium.Window, want string) {
	w.Helper()
	got := ""
	testsite.EventuallyOr(w, func() bool {
		ctx, cancel := context.WithTimeout(w.Ctx, time.Second)
		defer cancel()
		got, _ = chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body"), frame(w)))
		return strings.Contains(got, want)
	}, func() string { return "got a frame that says " + got + ", want " + want })
}

// targets are the windows ("page"), or the frames of other sites ("iframe"), of
// a window's browser context.
func targets(w *chromium.Window, kind string) (ids []target.ID) {
	w.Helper()
	all, err := chromedp.Targets(w.Ctx)
	if err != nil {
		w.Fatal(err)
	}
	for _, one := range all {
		if one.Type == kind && one.BrowserContextID == chromedp.FromContext(w.Ctx).BrowserContextID {
			ids = append(ids, one.TargetID)
		}
	}
	return ids
}

// opened is the window that a step opens.
func opened(w *chromium.Window, step chromedp.Action[chromedp.Void]) *chromium.Window {
	w.Helper()
	before := targets(w, "page")
	w.Do(step)
	var id target.ID
	testsite.Eventually(w, "a new window", func() bool {
		now := slices.DeleteFunc(targets(w, "page"), func(one target.ID) bool { return slices.Contains(before, one) })
		if len(now) > 0 {
			id = now[0]
		}
		return len(now) > 0
	})
	return w.Attach(id)
}

// awaitClosed waits until a window has closed by itself.
func awaitClosed(w, other *chromium.Window) {
	w.Helper()
	id := chromedp.FromContext(other.Ctx).Target.TargetID
	testsite.Eventually(w, "a window that closes", func() bool { return !slices.Contains(targets(w, "page"), id) })
}

// credentials gives a name and a password, wherever that leads.
func credentials(w *chromium.Window) {
	w.Helper()
	w.Enter("#uid", testsite.Jane)
	w.Type("#password", testsite.Password)
	ctx, cancel := context.WithTimeout(w.Ctx, testsite.Timeout)
	defer cancel()
	_ = chromedp.Do(ctx, chromedp.Click(chromedp.CSS("form button:not([type])"))) // the window may be gone before the click has ended
}

// unavoidable are complaints in a window that was there before its record:
// Chromium reports every answer of 401, and its tools look in the cache for
// what had been loaded.
var unavoidable = []string{"401", "ERR_CACHE_MISS"}

func TestFrame_SignsInByAWindow(t *testing.T) {
	t.Parallel()
	s := startEmbedded(t)
	for name, address := range map[string]string{"of the same origin": s.sameOrigin, "of the same site": s.sameSite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chromium.Open(t, address)
			w.Open("/embedding")
			inside := frame(w)
			w.Do(chromedp.WaitVisible(chromedp.CSS(`a[data-own][href$="?x=1#part"]`), inside)) // the script has run
			window := opened(w, chromedp.Click(chromedp.CSS("a[data-sign-in]"), inside))
			credentials(window)
			awaitClosed(w, window)
			awaitFrame(w, "Remote-User: jane")
			if got, want := w.URL(), address+"/embedding"; got != want {
				t.Errorf("got the window itself at %s, want %s", got, want)
			}
			for _, one := range []*chromium.Window{w, window} {
				for _, c := range one.Complaints() {
					if !slices.ContainsFunc(unavoidable, func(text string) bool { return strings.Contains(c, text) }) {
						t.Errorf("got a complaint of the browser: %s", c)
					}
				}
			}
		})
	}
}

// TestFrame_OfAnotherSiteLeadsOutOfIt: the browser would not send the session
// cookie from there.
func TestFrame_OfAnotherSiteLeadsOutOfIt(t *testing.T) {
	t.Parallel()
	s := startEmbedded(t)
	w := chromium.Open(t, s.otherSite)
	wikis := strings.Replace(s.sameSite, "app.", "wiki.app.", 1)
	for _, want := range []string{"#uid", "#headers"} { // before the sign-in, and after
		w.Open("/embedding")
		inside := w.Attach(otherSites(w))
		inside.Await("main a.button")
		inside.AwaitText("main", "inside another site")
		if links := inside.Text("main .stack"); strings.Contains(links, "Sign in") {
			t.Errorf("got a link to sign in, which would lead to nothing: %s", links)
		}
		inside.Await(`a[href$="?x=1#part"]`)
		window := opened(w, chromedp.Func(func(context.Context, *chromedp.Target) error {
			return chromedp.Do(inside.Ctx, chromedp.Click(chromedp.CSS("main a.button")))
		}))
		window.Address = wikis
		window.Await(want)
		if want == "#uid" {
			window.SignIn(wiki)
		}
		window.Landed(wiki)
	}
}

// otherSites is the frame of another site in the window, which Chromium runs in
// a separate process.
func otherSites(w *chromium.Window) (id target.ID) {
	w.Helper()
	testsite.Eventually(w, "a frame of another site", func() bool {
		all := targets(w, "iframe")
		if len(all) == 1 {
			id = all[0]
		}
		return len(all) == 1
	})
	return id
}

// TestFrame_WithoutScriptsSaysWhatToDo closes the window by hand.
func TestFrame_WithoutScriptsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := startEmbedded(t)
	w := chromium.Open(t, s.sameOrigin)
	w.DisableScripts()
	w.Open("/embedding")
	awaitFrame(w, "come back here and reload this page")
	window := opened(w, chromedp.Click(chromedp.CSS("a[data-sign-in]"), frame(w)))
	window.DisableScripts()
	credentials(window)
	window.AwaitURL(s.sameOrigin + "/.authentik/framed")
	window.AwaitText("main", "close it and reload the page you came from")
	w.Open("/embedding")
	awaitFrame(w, "Remote-User: jane")
}
