// Package page draws what a visitor sees of a sign-in: authentik's challenges,
// failures, and the gate's own pages. It also reads the forms that are sent back
// as answers. It makes no decisions, stores nothing and sends no requests.
//
// Pages are plain HTML. They work without scripts wherever a challenge allows it;
// scripts only add to them. No page needs an exception from its content security
// policy.
//
// # Files
//
//   - pages.go: Pages and its configuration; Ask draws a challenge
//   - printed.go: first pages that are drawn once for many visitors
//   - view.go: the data of layout.html and of fields to type into; draft.go: a page
//     that is being built
//   - stages.go: the table of challenges, and what a browser sends; stages_*.go: how
//     each kind is drawn, and how its answer is read
//   - ending.go: pages without a question, and those for frames
//   - brand.go: authentik's looks
//
// Separate packages, which do not know this one: locales has our messages in
// every language, templates the HTML, assets the style sheet and the scripts,
// csp the content security policy, prints pages with gaps for what differs
// between visitors, markup makes authentik's HTML safe, and qrcode draws
// secrets.
//
// Templates can be replaced by the operator. What they get is described in
// docs/templates.md, and is part of the public contract.
package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/assets"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
)

// Pages draws everything that a visitor sees. It is safe for concurrent use.
type Pages struct {
	cfg       Config
	catalogue *locales.Catalogue
	templates *templates.Set
	assets    *assets.Set
	logo      pictureView
	policy    csp.Policy
}

// A Config is what the pages need to know about the gate. Prefix and Seal are
// required.
type Config struct {
	// Prefix is the path of the gate's own addresses.
	Prefix string
	// LoginAt returns the address of a sign-in with these parameters. Default: the
	// one below Prefix.
	LoginAt func(query string) string
	// Title and Logo are the operator's. Default: the brand's.
	Title, Logo string
	// Style is the operator's style sheet. It is loaded after the page's own.
	Style []byte
	// Templates are the operator's. Each replaces the embedded template of the
	// same name.
	Templates fs.FS
	// Language is the tag (BCP 47) of the language of all pages. Default: chosen
	// for each visitor.
	Language string
	// PublicHost is authentik's host as browsers know it, and Root authentik's
	// address.
	PublicHost, Root string
	// SignOutURL is the address at authentik that signing out redirects to, if
	// any. Chromium applies form-action to the redirects after a form as well,
	// so the pages with such a form have to allow it.
	SignOutURL string
	// MailLinksHere reports whether the links in authentik's mails lead to this
	// site.
	MailLinksHere bool
	// Seal returns the name under which the picture at an address is served.
	Seal func(address string) string
}

// A Question is a challenge to draw.
type Question struct {
	// Step has the challenge.
	Step flowclient.Step
	// Brand is authentik's for this host; zero if it is not known.
	Brand flowclient.Brand
	// Visit is the sealed visit, and Back the address to return to after signing
	// in. A HEAD request for a page with Prints needs no visit.
	Visit, Back string
	// Reload is the address for reloading the page, if that is not to begin a new
	// sign-in.
	Reload string
	// Aside is the flow that the visitor has chosen instead of signing in, or
	// AsideLink.
	Aside string
	// Notice is the name of a message to show above the form, if any.
	Notice string
	// Mistake is the visitor's mistake in the form that was sent, if any.
	Mistake *Mistake
	// Elsewhere is where a browser continues at authentik: an address below
	// Prefix if the visitor comes back signed in, else authentik's own page.
	Elsewhere string
	// Origin is this site's scheme, host and port as the browser sees them.
	Origin string
	// Source is the source that the visitor has chosen, if any.
	Source *ChosenSource
	// ResendAfter is how long the visitor has to wait before a message is sent
	// again.
	ResendAfter time.Duration
	// Name is the user name that was typed on an earlier page.
	Name string
	// Lockout is how long no answers are accepted after too many wrong ones.
	Lockout time.Duration
	// Prints are the pages that were drawn for the challenge before. They are
	// nil for a challenge that is for one visitor only.
	Prints *Prints
}

// Status returns the status of the response.
func (q Question) Status() int {
	if q.Lockout > 0 {
		return http.StatusTooManyRequests
	}
	return Status(q.Step.Challenge.Component())
}

// LockoutSeconds returns Lockout in seconds, rounded up, so that no visitor
// retries too early.
func (q Question) LockoutSeconds() int { return int(math.Ceil(q.Lockout.Seconds())) }

// New reads the templates, the messages and the assets. An error is about a
// mistake in the operator's configuration.
func New(cfg Config) (*Pages, error) {
	p := &Pages{cfg: cfg, policy: csp.New(cfg.Logo)}
	if p.cfg.LoginAt == nil {
		p.cfg.LoginAt = func(query string) string { return cfg.Prefix + "/login?" + query }
	}
	var err error
	if p.catalogue, err = locales.New(cfg.Language); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if p.templates, err = templates.New(cfg.Templates, &pageView{}); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if p.assets, err = assets.New(cfg.Prefix+"/assets/", cfg.Style); err != nil {
		return nil, fmt.Errorf("page: reading assets: %w", err)
	}
	p.logo = pictureView{Light: template.URL(cfg.Logo)} //nolint:gosec // The operator's own, from the configuration.
	return p, nil
}

// Ask draws a challenge.
func (p *Pages) Ask(w http.ResponseWriter, r *http.Request, q Question) error {
	w.Header().Set(flowclient.GateHeader, "sign-in") // for monitors that follow redirects
	if p.printable(r, q) {
		if found, ok := p.print(r, q); ok {
			setHeaders(w.Header(), found.policy)
			if r.Method == http.MethodHead {
				w.WriteHeader(q.Status())
				return nil
			}
			return send(w, q.Status(), found.Fill(q.Visit, q.Back, p.signInURL(q.Back)))
		}
	}
	d := p.newQuestion(r, q)
	d.drawStage(q)
	return p.write(w, d, q.Status())
}

// Status returns the status with which a challenge is drawn. It is an error
// only if the flow has ended without a sign-in.
func Status(c flowclient.Component) int {
	switch c {
	case flowclient.ComponentAccessDenied:
		return http.StatusForbidden
	case flowclient.ComponentFlowError, flowclient.ComponentShell:
		return http.StatusBadGateway
	default:
		return http.StatusOK
	}
}

// Text returns a message of the catalogue in the language of the challenge's page,
// for responses in JSON.
func (p *Pages) Text(r *http.Request, q Question, name string, pairs ...any) string {
	return p.locale(r, q.Brand, q.Step.Authenticated()).Text(name, pairs...)
}

// locale returns the locale of a visitor.
func (p *Pages) locale(r *http.Request, b flowclient.Brand, authenticated bool) *locales.Locale {
	return p.catalogue.Choose(r.Header.Get("Accept-Language"), b.DefaultLocale, authenticated)
}

// CheckLanguage returns an error if the pages are not available in the language
// with this tag.
func CheckLanguage(tag string) error { return locales.Check(tag) }

// write sends the page. It renders into a buffer first, so that a template that
// fails leaves no half page.
func (p *Pages) write(w http.ResponseWriter, d *draft, status int) error {
	setHeaders(w.Header(), d.policy)
	page, err := p.render(d)
	if err != nil {
		http.Error(w, d.text("fail_server"), http.StatusInternalServerError)
		return err
	}
	return send(w, status, page.Bytes())
}

// send sends a page whose headers are set.
func send(w http.ResponseWriter, status int, page []byte) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, err := w.Write(page)
	return err
}

func (p *Pages) render(d *draft) (*bytes.Buffer, error) {
	t, err := p.templates.Get(d.Template, d.locale)
	if err != nil {
		return nil, err
	}
	page := new(bytes.Buffer)
	if err := t.ExecuteTemplate(page, templates.Layout, &d.pageView); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", d.Template, err)
	}
	return page, nil
}

// setHeaders sets the headers of every page. No cache may store it, no site may
// frame it, browsers must not guess its type, and it loads only what the policy
// allows. The response of the one page that may be framed varies with where it
// is shown.
func setHeaders(h http.Header, allowed csp.Policy) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", allowed.String())
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if allowed.Popups {
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	}
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Vary", "Accept, Accept-Language")
	h.Set("X-Content-Type-Options", "nosniff")
	if allowed.Framable {
		h.Set("Vary", "Accept, Accept-Language, Cookie, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site")
		return
	}
	h.Set("X-Frame-Options", "DENY")
}

// Assets handles GET <prefix>/assets/<name>.
func (p *Pages) Assets() *assets.Set { return p.assets }

// signInURL returns the address of a new sign-in that returns to back.
func (p *Pages) signInURL(back string) string {
	if back == "" {
		back = "/"
	}
	return p.cfg.LoginAt("to=" + url.QueryEscape(back))
}
