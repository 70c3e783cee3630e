package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// around is a path that shows another one in a frame, for anybody.
const around = `@around path /around
	handle @around {
		header Content-Type "text/html; charset=utf-8"
		respond "<!doctype html><html lang=en><title>Around</title><link rel=icon href='data:,'><h1>Around</h1><iframe id=wiki width=600 height=500 src='INSIDE'></iframe>"
	}
	handle {
		authentik AUTHENTIK
		reverse_proxy APPLICATION
	}`

// wiki is what stands in the frame: its address ends in a fragment.
const wiki = "/deep/link?x=1#part"

// newFramed starts a site, and two more that show the same of an application in a frame: one of the same
// registrable domain (below app.localhost, as browsers see it), and one of another.
func newFramed(t testing.TB) (s *site, same, other string) {
	t.Helper()
	chromium(t)
	frame := func(to string) string { return strings.Replace(around, "INSIDE", to, 1) }
	const site = "\n\nhttps://HOST:PORT {\n\tbind 127.0.0.1\n\tROUTES\n}"
	more := ""
	for host, to := range map[string]string{
		"wiki.app.localhost": wiki, "app.localhost": "https://wiki.app.localhost:PORT" + wiki, "other.localhost": "https://wiki.app.localhost:PORT" + wiki,
	} {
		more += strings.NewReplacer("HOST", host, "ROUTES", frame(to)).Replace(site)
	}
	s = setup{scheme: "https", routes: frame(wiki), more: more}.site(t)
	at := func(host string) string { return strings.Replace(s.address, "localhost", host, 1) }
	for _, host := range []string{"wiki.app.localhost", "app.localhost", "other.localhost"} {
		s.reach(at(host) + "/around")
	}
	return s, at("app.localhost"), at("other.localhost")
}

// frame is what the window shows in its frame.
func (w *window) frame() chromedp.QueryOption {
	w.Helper()
	nodes, err := chromedp.Run(w.ctx, chromedp.Nodes(chromedp.CSS("#wiki"), chromedp.NodeReady))
	if err != nil {
		w.Fatal(err)
	}
	return chromedp.FromNode(nodes[0])
}

// frameShows waits until the frame says something. While it loads there is nothing to be had of it.
func (w *window) frameShows(want string) {
	w.Helper()
	said := ""
	for begun := time.Now(); !strings.Contains(said, want); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			w.Fatalf("the frame never shows %q, but %q", want, said)
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		said, _ = chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body"), w.frame()))
		cancel()
	}
}

// opens is the window that something opens.
func (w *window) opens(by ...chromedp.Action[chromedp.Void]) *window {
	w.Helper()
	opened := chromedp.WaitNewTarget(w.ctx, func(i *target.Info) bool { return i.Type == "page" })
	w.do(by...)
	select {
	case id := <-opened:
		return w.windowOf(id)
	case <-time.After(patience):
		w.Fatal("no window opens")
		return nil
	}
}

// windowOf is a window, or a frame of another site, that is there.
func (w *window) windowOf(id target.ID) *window {
	w.Helper()
	other := &window{TB: w.TB, address: w.address, requests: map[network.RequestID]*request{}}
	ctx, end := chromedp.NewContext(w.ctx, chromedp.WithTargetID(id), chromedp.WithListener(other.hear))
	other.ctx = ctx
	w.Cleanup(end)
	other.do(chromedp.Steps())
	return other
}

// targets are the windows, or the frames of other sites, that there are.
func (w *window) targets(kind string) (ids []target.ID) {
	w.Helper()
	all, err := chromedp.Targets(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	for _, one := range all {
		if one.Type == kind {
			ids = append(ids, one.TargetID)
		}
	}
	return ids
}

// closes waits until a window has closed by itself.
func (w *window) closes(other *window) {
	w.Helper()
	id := chromedp.FromContext(other.ctx).Target.TargetID
	for begun := time.Now(); slices.Contains(w.targets("page"), id); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			w.Fatal("the window stays open")
		}
	}
}

// signsIn gives a name and a password, wherever that leads.
func (w *window) signsIn() {
	w.Helper()
	w.enter("#uid", jane)
	w.shows("#password")
	w.do(chromedp.SendKeys(chromedp.CSS("#password"), password))
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	_ = chromedp.Do(ctx, chromedp.Click(chromedp.CSS("form button:not([type])"))) // the window may be gone before the click has ended
}

// hushed holds the window to have complained of nothing but what has to be: Chromium says of every answer of 401 that
// it is one, and its tools look in the cache for what a window had loaded before they came to it.
func (w *window) hushed() {
	w.Helper()
	for _, a := range w.complaints() {
		if !strings.Contains(a, "401") && !strings.Contains(a, "ERR_CACHE_MISS") {
			w.Errorf("the browser complains: %s", a)
		}
	}
}

func TestAFrameSignsInByAWindow(t *testing.T) {
	t.Parallel()
	s, same, _ := newFramed(t)
	for name, address := range map[string]string{"of the same origin": s.address, "of the same site": same} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, address)
			w.open("/around")
			frame := w.frame()
			w.do(chromedp.WaitVisible(chromedp.CSS(`a[data-own][href$="?x=1#part"]`), frame)) // the script has come
			opened := w.opens(chromedp.Click(chromedp.CSS("a[data-sign-in]"), frame))
			opened.signsIn()
			w.closes(opened)
			w.frameShows("Remote-User: jane")
			if at := w.at(); at != address+"/around" {
				t.Errorf("the window itself was led to %s", at)
			}
			w.hushed()
			opened.hushed()
		})
	}
}

// TestAFrameOfAnotherSiteLeadsOutOfIt: no session cookie would come to it.
func TestAFrameOfAnotherSiteLeadsOutOfIt(t *testing.T) {
	t.Parallel()
	_, same, other := newFramed(t)
	w := newWindow(t, other)
	w.open("/around")
	wikis := strings.Replace(same, "app.", "wiki.app.", 1)
	for _, want := range []string{"#uid", "#headers"} { // before anybody has signed in, and after
		w.open("/around")
		frame := w.windowOf(w.foreign())
		frame.shows("main a.button")
		frame.hears("main", "inside another site")
		if links := frame.text("main .stack"); strings.Contains(links, "Sign in") {
			t.Errorf("a sign-in is offered that would come to nothing: %s", links)
		}
		frame.shows(`a[href$="?x=1#part"]`)
		opened := w.opens(chromedp.Func(func(context.Context, *chromedp.Target) error {
			return chromedp.Do(frame.ctx, chromedp.Click(chromedp.CSS("main a.button")))
		}))
		opened.address = wikis
		opened.shows(want)
		if want == "#uid" {
			opened.signsInTo(wiki)
		}
		opened.landed(wiki)
	}
}

// foreign is the frame of another site that the window has: Chromium runs it in a process of its own.
func (w *window) foreign() target.ID {
	w.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		if all := w.targets("iframe"); len(all) == 1 {
			return all[0]
		}
	}
	w.Fatal("there is no frame of another site")
	return ""
}

// TestAFrameWithoutScriptsSaysWhatToDo, and the window can be closed by hand.
func TestAFrameWithoutScriptsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s, _, _ := newFramed(t)
	w := newWindow(t, s.address)
	w.withoutScripts()
	w.open("/around")
	w.frameShows("come back here and reload this page")
	opened := w.opens(chromedp.Click(chromedp.CSS("a[data-sign-in]"), w.frame()))
	opened.withoutScripts()
	opened.signsIn()
	opened.comesTo(s.address + "/.authentik/framed")
	opened.hears("main", "close it and reload the page that you came from")
	w.open("/around")
	w.frameShows("Remote-User: jane")
}
