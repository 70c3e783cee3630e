package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// widget is what all scripts of providers here are made of: one thing to click on,
// in a page of the provider's as they have it, or nothing to see.
const widget = `
const origin = new URL(document.currentScript.src).origin, token = TOKEN;
let of;
function draw(box, options, invisible) {
	if (typeof box === "string" || !options.sitekey || !["light", "dark"].includes(options.theme)) throw new Error("no such widget");
	of = options;
	if (invisible) return 7;
	box.append(Object.assign(document.createElement("iframe"), { id: "widget", title: "widget", src: origin + "/frame", width: 300, height: 80 }));
	addEventListener("message", (e) => e.origin === origin && of.callback(token));
	return 7;
}
const known = (id) => { if (id !== 7) throw new Error("no such id"); };
`

// providers are scripts as providers have them, each with what is its own.
var providers = map[string]string{
	"hcaptcha": `
		window.grecaptcha = { render() { throw new Error("not that one") } };
		window.hcaptcha = {
			render: (box, o) => { if (o.hl !== "en") throw 0; return draw(box, o, o.size === "invisible") },
			async execute(id, { async }) { known(id); if (async) return { response: token } },
			reset: known,
		};`,
	"recaptcha": `
		window.grecaptcha = { ready(then) { setTimeout(() => {
			grecaptcha.render = (box, o) => draw(box, o, o.size === "invisible");
			grecaptcha.execute = (id) => { known(id); setTimeout(() => of.callback(token), 50) };
			grecaptcha.reset = known;
			then();
		}, 50) } };`,
	"turnstile": `
		window.turnstile = {
			render(box, o) {
				if (o.language !== "en" || !["flexible", "compact"].includes(o.size)) throw 0;
				const id = draw(box, o, INVISIBLE);
				if (INVISIBLE) setTimeout(() => o.callback(token), 50);
				return id;
			},
			reset: known,
		};`,
	"another with the same": `
		window.grecaptcha = {
			render: (box, o) => draw(box, o, o.size === "invisible"),
			execute: (id) => { known(id); of.callback(token); of.callback(token) },
			reset: known,
		};`,
}

// A provider hands out its script, and judges its tokens: the first one is wrong, and
// every other good once.
type provider struct {
	*httptest.Server
	script string

	mu     sync.Mutex
	loads  int
	spent  map[string]bool
	broken bool          // whether the script can be had
	held   chan struct{} // closed when it comes at last
}

func newProvider(t testing.TB, script string, visible bool) *provider {
	t.Helper()
	p := &provider{script: strings.ReplaceAll(script, "INVISIBLE", map[bool]string{true: "false", false: "true"}[visible]), spent: map[string]bool{}, held: make(chan struct{})}
	close(p.held)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	held, broken := p.held, p.broken
	p.mu.Unlock()
	switch {
	case r.URL.Path == "/frame":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>x</title><button onclick="parent.postMessage('solved', '*')">I am human</button>`)
	case broken || r.URL.Path != "/api.js":
		http.NotFound(w, r)
	default:
		<-held
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, "(() => {"+strings.Replace(widget, "TOKEN", `"`+p.token()+`"`, 1)+p.script+"})()")
	}
}

func (p *provider) token() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loads++
	if p.loads == 1 {
		return "wrong"
	}
	return "good-" + strings.Repeat("x", p.loads)
}

func (p *provider) verify(token string) (authentiktest.Verdict, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	good := strings.HasPrefix(token, "good-") && !p.spent[token]
	p.spent[token] = true
	return authentiktest.Verdict{Success: good, Errors: []string{"invalid-input-response"}}, nil
}

// breaks says whether the script can be had.
func (p *provider) breaks(broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = broken
}

// solve clicks on what the provider shows.
func (w *window) solve() {
	w.Helper()
	w.see("#widget")
	const there = `document.querySelector("#widget").getBoundingClientRect()`
	for _, sign := range []string{"x", "y"} {
		if at, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](there+"."+sign)); err != nil || at == 0 {
			w.Fatalf("the widget is at %s=%v, %v", sign, at, err)
		}
	}
	x, _ := chromedp.Run(w.ctx, chromedp.Evaluate[float64](there+".x"))
	y, _ := chromedp.Run(w.ctx, chromedp.Evaluate[float64](there+".y"))
	w.do(chromedp.Sleep(300*time.Millisecond), chromedp.MouseClickXY(x+50, y+20))
}

// guarded is a site whose first question is a captcha, alone or in the first form.
func guarded(t testing.TB, p *provider, visible, alone bool) *site {
	t.Helper()
	proof := &authentiktest.CaptchaStage{JSURL: p.URL + "/api.js", SiteKey: "key", Interactive: visible, Verify: p.verify}
	first := &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}}
	bindings := []authentiktest.Binding{{Stage: proof}, {Stage: first}, {Stage: &authentiktest.UserLoginStage{}}}
	if !alone {
		first.Captcha, bindings = proof, bindings[1:]
	}
	return setup{scheme: "https", authentik: authentiktest.Config{
		Flows: []authentiktest.Flow{{Slug: loginFlow, Title: "Welcome", Bindings: bindings}},
	}}.site(t)
}

func TestEveryProvidersCaptchaIsSolvedInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	for name, script := range providers {
		for _, visible := range []bool{true, false} {
			for _, alone := range []bool{true, false} {
				t.Run(name+map[bool]string{true: ", visible", false: ", invisible"}[visible]+map[bool]string{true: ", alone", false: ", in the first form"}[alone], func(t *testing.T) {
					t.Parallel()
					p := newProvider(t, script, visible)
					s := guarded(t, p, visible, alone)
					w := newWindow(t, s.address)
					w.do(chromedp.Navigate(s.address + "/x?y=1"))
					if alone {
						w.passCaptcha(visible)
					} else {
						w.passBoth(visible)
					}
					if w.see(inside); w.at() != s.address+"/x?y=1" {
						t.Errorf("landed at %s", w.at())
					}
					w.undisturbed(p.URL)
				})
			}
		}
	}
}

// passCaptcha solves a captcha twice, as the first token is wrong, and signs in.
func (w *window) passCaptcha(visible bool) {
	w.Helper()
	if visible {
		w.solve()
		w.see("#captcha-wrong")
		if got := w.text("#captcha-wrong"); got != "Invalid captcha response. Retrying may solve this issue." {
			w.Errorf("beside the captcha stands %q", got)
		}
		w.solve()
	}
	w.see("#uid")
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane), chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter))
}

// passBoth gives name and password with a captcha, whose first token is wrong. The
// name is still there, and the form goes by itself as soon as it can.
func (w *window) passBoth(visible bool) {
	w.Helper()
	w.see("#uid")
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane))
	for range 2 {
		w.do(chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter))
		if visible {
			w.hears("[role=status]", "Please confirm first that you are not a robot.")
			w.solve()
		}
		w.do(chromedp.WaitVisible(chromedp.CSS("[role=alert], " + inside)))
	}
}

// hears waits until an element says something.
func (w *window) hears(selector, want string) {
	w.Helper()
	for begun := time.Now(); !strings.Contains(w.text(selector), want); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			w.Fatalf("%q is never said, but %q", want, w.text(selector))
		}
	}
}

// undisturbed holds the window to have complained of nothing, and to have asked nobody
// but the site and one other.
func (w *window) undisturbed(other string) {
	w.Helper()
	for _, a := range w.complaints() {
		w.Errorf("the browser complains: %s", a)
	}
	for _, u := range w.strangers() {
		if !strings.HasPrefix(u, other+"/") {
			w.Errorf("the browser asked a third party: %s", u)
		}
	}
}

func TestACaptchaThatCannotBeLoadedSaysSoAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := newProvider(t, providers["turnstile"], true)
	p.breaks(true)
	s := guarded(t, p, true, true)
	w := newWindow(t, s.address)
	w.do(chromedp.Navigate(s.address + "/"))
	w.see(".captcha-ways a")
	w.hears("[role=status]", "could not be loaded")
	p.breaks(false)
	w.press(".captcha-ways button")
	w.passCaptcha(true)
	w.see(inside)
}

// TestNobodyWaitsForACaptchaToType holds the provider's script back until the form has
// been filled in and sent.
func TestNobodyWaitsForACaptchaToType(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := newProvider(t, providers["recaptcha"], false)
	p.token() // the first is wrong
	p.held = make(chan struct{})
	s := guarded(t, p, false, false)
	w := newWindow(t, s.address)
	go func() { // the page is not loaded before its script is
		time.Sleep(3 * time.Second)
		close(p.held)
	}()
	w.do(chromedp.Evaluate[chromedp.Void]("location.href = "+`"`+s.address+`/"`), chromedp.WaitVisible(chromedp.CSS("#uid")))
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane), chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter))
	w.see(inside)
	w.undisturbed(p.URL)
}

func TestACaptchaWithoutScriptsSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	chromium(t)
	for _, alone := range []bool{true, false} {
		p := newProvider(t, providers["hcaptcha"], true)
		s := guarded(t, p, true, alone)
		w := newWindow(t, s.address)
		w.withoutScripts()
		w.do(chromedp.Navigate(s.address+"/"), chromedp.WaitVisible(chromedp.CSS("noscript a")))
		if got := w.text("noscript"); !strings.Contains(got, "needs JavaScript") {
			t.Errorf("alone %v: the page says %q", alone, got)
		}
		w.quiet()
	}
}
