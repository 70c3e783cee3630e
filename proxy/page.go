package proxy

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

//go:embed page
var pageFiles embed.FS

// pages draws everything that a visitor sees. It is made once in New and is
// safe for concurrent use.
type pages struct {
	cfg       pageConfig
	say       tongue
	templates map[string]*template.Template
	files     map[string]file
	logo      picture
	policy    string
}

// A pageConfig says what pages need to know of the gate.
type pageConfig struct {
	// Prefix is the path of the gate's own addresses.
	Prefix string
	// Title and Logo are the operator's own; without them the brand's are shown.
	Title, Logo string
	// PublicHost is the host of authentik as browsers know it.
	PublicHost string
	// Seal makes the name under which the picture at an address can be asked for.
	Seal func(address string) string
	// Unseal returns the address of such a name.
	Unseal func(name string) (address string, ok bool)
}

// A question is one challenge to draw.
type question struct {
	// Step is where the visitor stands.
	Step flowclient.Step
	// Brand is authentik's for this host; zero when it is not known.
	Brand flowclient.Brand
	// Visit is the sealed visit, and Back the way back, which stands beside it.
	Visit, Back string
	// Notice is a sentence of ours above the form.
	Notice string
	// Mistake is what was wrong about the form that was sent.
	Mistake *formError
	// Elsewhere is the address of authentik's own page for this flow.
	Elsewhere string
	// Language is the request's Accept-Language.
	Language string
}

// A formError is what a visitor should mend before authentik is asked. Without a
// message nothing is wrong: the form only turned the page, and the same
// question is to be drawn again.
type formError struct {
	// Message is for the visitor; Field is the field of the answer it is about,
	// if it is about one.
	Message, Field string
}

// newPages reads the templates.
func newPages(cfg pageConfig) (*pages, error) {
	p := &pages{cfg: cfg, say: english, templates: map[string]*template.Template{}}
	if err := p.parse(); err != nil {
		return nil, fmt.Errorf("proxy: reading the pages: %w", err)
	}
	files, err := readFiles(pageFiles)
	if err != nil {
		return nil, fmt.Errorf("proxy: reading the pages: %w", err)
	}
	p.files = files
	p.logo = picture{Light: template.URL(cfg.Logo)} //nolint:gosec // The operator's own, from the configuration.
	p.policy = contentPolicy(cfg.Logo)
	return p, nil
}

// parse makes one template of the layout and each stage's part.
func (p *pages) parse() error {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{"say": p.say.say}).ParseFS(pageFiles, "page/layout.html")
	if err != nil {
		return err
	}
	names, err := fs.Glob(pageFiles, "page/*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		t, err := template.Must(layout.Clone()).ParseFS(pageFiles, name)
		if err != nil {
			return err
		}
		p.templates[path.Base(name)] = t
	}
	return nil
}

// contentPolicy lets a page load its style and its pictures, and send its forms,
// from and to this site alone. A logo that the operator keeps elsewhere is the
// one exception.
func contentPolicy(logo string) string {
	pictures := "'self' data:"
	if u, err := url.Parse(logo); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		pictures += " " + u.Scheme + "://" + u.Host
	}
	return "default-src 'none'; style-src 'self'; img-src " + pictures +
		"; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// ask draws a challenge.
func (p *pages) ask(w http.ResponseWriter, r *http.Request, q question) error {
	d := p.draft(r, q)
	row, ok := stages[d.component]
	if !ok {
		row = stage{template: "elsewhere.html", show: showElsewhere}
	}
	d.Template = row.template
	d.Stage = row.show(q.Step.Challenge, d)
	d.settle()
	return p.write(w, d.Template, statusOf(d.component), &d.view)
}

// statusOf is what a browser, and whatever stands between, should take the page
// for: a question is no error, the end of a flow in refusal is.
func statusOf(c flowclient.Component) int {
	switch c {
	case flowclient.ComponentAccessDenied:
		return http.StatusForbidden
	case flowclient.ComponentFlowError, flowclient.ComponentShell:
		return http.StatusBadGateway
	default:
		return http.StatusOK
	}
}

// write draws the page as a whole before the first byte of it is sent, so that a
// broken template cannot leave half a page behind.
func (p *pages) write(w http.ResponseWriter, name string, status int, v *view) error {
	p.protect(w.Header())
	page, err := p.render(name, v)
	if err != nil {
		http.Error(w, p.say.say("fail_server"), http.StatusInternalServerError)
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, err = page.WriteTo(w)
	return err
}

func (p *pages) render(name string, v *view) (*bytes.Buffer, error) {
	t, ok := p.templates[name]
	if !ok {
		return nil, fmt.Errorf("proxy: there is no template %q", name)
	}
	page := new(bytes.Buffer)
	if err := t.ExecuteTemplate(page, "layout.html", v); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", name, err)
	}
	return page, nil
}

// protect sets what every page is sent with: nobody may keep it, frame it, guess
// at its type or run anything in it.
func (p *pages) protect(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// login is the address where a sign-in begins that leads to back.
func (p *pages) login(back string) string {
	if back == "" {
		back = "/"
	}
	return p.cfg.Prefix + "/login?to=" + url.QueryEscape(back)
}
