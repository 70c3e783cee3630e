package factors

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
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// widget is what the scripts of all providers have in common: a button in a page
// of the provider's, or nothing that can be seen.
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

// providers are scripts with the interfaces of real providers.
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
	"another with the interface of reCAPTCHA": `
		window.grecaptcha = {
			render: (box, o) => draw(box, o, o.size === "invisible"),
			execute: (id) => { known(id); of.callback(token); of.callback(token) },
			reset: known,
		};`,
}

// A provider serves its script, and verifies its tokens: the first one is wrong,
// and every other one is right once.
type provider struct {
	*httptest.Server
	script string

	mu      sync.Mutex
	loads   int
	spent   map[string]bool
	missing bool          // whether there is no script
	held    chan struct{} // the script is served when it is closed
	ready   int           // how many widgets can be clicked on
	clicked int           // how often a widget was
}

func newProvider(t testing.TB, script string, visible bool) *provider {
	t.Helper()
	invisible := map[bool]string{true: "false", false: "true"}[visible]
	p := &provider{script: strings.ReplaceAll(script, "INVISIBLE", invisible), spent: map[string]bool{}, held: make(chan struct{})}
	close(p.held)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// frame is the page that a widget shows. It tells the provider when it has been
// drawn.
const frame = `<!doctype html><html lang="en"><title>x</title><button onclick="parent.postMessage('solved', '*'); fetch('/clicked', { method: 'POST' })">I am human</button>
<script>onload = () => requestAnimationFrame(() => requestAnimationFrame(() => fetch("/ready", { method: "POST" })))</script>`

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	held, missing := p.held, p.missing
	switch r.URL.Path {
	case "/ready":
		p.ready++
	case "/clicked":
		p.clicked++
	}
	p.mu.Unlock()
	switch {
	case r.URL.Path == "/ready", r.URL.Path == "/clicked":
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/frame":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, frame)
	case missing || r.URL.Path != "/api.js":
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

// setMissing says whether there is no script at the provider's address.
func (p *provider) setMissing(missing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing = missing
}

// takeReady waits for a widget that can be clicked on.
func (p *provider) takeReady(t testing.TB) {
	t.Helper()
	testsite.Eventually(t, "a widget that has been drawn", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.ready == 0 {
			return false
		}
		p.ready--
		return true
	})
}

// solve clicks on the provider's widget where it can be seen in the window.
func (p *provider) solve(w *chromium.Window) {
	w.Helper()
	w.Await("#widget")
	p.takeReady(w)
	before := p.clicks()
	testsite.Eventually(w, "a click on the widget", func() bool {
		if p.clicks() > before {
			return true
		}
		// The page may have moved since, and a click on a frame that is being drawn is
		// lost: look again where it is, and try again only after a while.
		at := chromium.Value[struct{ X, Y float64 }](w, `(({ x, y }) => ({ x, y }))(document.querySelector("#widget").getBoundingClientRect())`)
		if at.X == 0 || at.Y == 0 {
			w.Fatalf("got the widget at %+v, want it on the page", at)
		}
		w.Do(chromedp.MouseClickXY(at.X+50, at.Y+20))
		for range 30 {
			if p.clicks() > before {
				return true
			}
			time.Sleep(100 * time.Millisecond)
		}
		return false
	})
}

// clicks returns how often a widget was clicked on.
func (p *provider) clicks() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clicked
}

// site is a site whose first step is a captcha, by itself or in the form for
// name and password.
func (p *provider) site(t testing.TB, visible, alone bool) *inprocess.Site {
	t.Helper()
	captcha := &authentiktest.CaptchaStage{JSURL: p.URL + "/api.js", SiteKey: "key", Interactive: visible, Verify: p.verify}
	credentials := &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}}
	if alone {
		return inprocess.Start(t, captcha, credentials, &authentiktest.UserLoginStage{})
	}
	credentials.Captcha = captcha
	return inprocess.Start(t, credentials, &authentiktest.UserLoginStage{})
}

func TestCaptcha_OfEveryProviderIsSolved(t *testing.T) {
	t.Parallel()
	for name, script := range providers {
		for _, visible := range []bool{true, false} {
			for _, alone := range []bool{true, false} {
				t.Run(name+map[bool]string{true: ", visible", false: ", invisible"}[visible]+map[bool]string{true: ", alone", false: ", in the first form"}[alone], func(t *testing.T) {
					t.Parallel()
					p := newProvider(t, script, visible)
					w := chromium.Open(t, p.site(t, visible, alone).Address)
					w.Open("/x?y=1")
					if alone {
						p.passAlone(w, visible)
					} else {
						p.passInForm(w, visible)
					}
					w.Landed("/x?y=1")
					w.CheckQuiet(p.URL)
				})
			}
		}
	}
}

// passAlone solves a captcha twice, as the first token is wrong, and signs in.
func (p *provider) passAlone(w *chromium.Window, visible bool) {
	w.Helper()
	if visible {
		p.solve(w)
		w.Await("#captcha-wrong")
		if got, want := w.Text("#captcha-wrong"), "Invalid captcha response. Retrying may solve this issue."; got != want {
			w.Errorf("got %q beside the captcha, want %q", got, want)
		}
		p.solve(w)
	}
	w.Type("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
}

// passInForm gives name and password with a captcha, whose first token is wrong.
// The name is still there then, and the form is sent by itself once it can be.
func (p *provider) passInForm(w *chromium.Window, visible bool) {
	w.Helper()
	w.Type("#uid", testsite.Jane)
	for range 2 {
		w.Enter("#password", testsite.Password)
		if visible {
			w.AwaitText("[role=status]", "Please confirm first that you are not a robot.")
			p.solve(w)
		}
		w.Await("[role=alert], " + application)
	}
}

func TestCaptcha_WithoutItsScriptThePageSaysSoAndTriesAgain(t *testing.T) {
	t.Parallel()
	p := newProvider(t, providers["turnstile"], true)
	p.setMissing(true)
	w := chromium.Open(t, p.site(t, true, true).Address)
	w.Open("/")
	w.Await(".captcha-ways a")
	w.AwaitText("[role=status]", "could not be loaded")
	p.setMissing(false)
	w.Click(".captcha-ways button")
	p.passAlone(w, true)
	w.Await(application)
}

// TestCaptcha_FormCanBeSentBeforeItsScript serves the provider's script when the
// form has been filled in and sent.
func TestCaptcha_FormCanBeSentBeforeItsScript(t *testing.T) {
	t.Parallel()
	p := newProvider(t, providers["recaptcha"], false)
	p.token() // the first is wrong
	p.held = make(chan struct{})
	serve := sync.OnceFunc(func() { close(p.held) })
	defer serve()
	w := chromium.Open(t, p.site(t, false, false).Address)
	w.True(`(location.href = "` + w.Address + `/", true)`) // does not wait for the page, which has not loaded before its script has
	w.Await("#uid")
	w.Do(chromedp.SendKeys(chromedp.CSS("#uid"), testsite.Jane), chromedp.SendKeys(chromedp.CSS("#password"), testsite.Password+kb.Enter))
	if !w.True(`document.querySelector("#uid") !== null && document.readyState !== "complete"`) {
		t.Error("got a page that has loaded before the captcha's script, want one that waits")
	}
	serve()
	w.Await(application)
	w.CheckQuiet(p.URL)
}

func TestCaptcha_WithoutScriptsThePageSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{true, false} {
		p := newProvider(t, providers["hcaptcha"], true)
		w := chromium.Open(t, p.site(t, true, alone).Address)
		w.DisableScripts()
		w.Open("/")
		w.Await("noscript a")
		if got := w.Text("noscript"); !strings.Contains(got, "needs JavaScript") {
			t.Errorf("alone %v: got a page that says %q, want what it needs", alone, got)
		}
		w.CheckQuiet()
	}
}
