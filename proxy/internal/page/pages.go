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
)

// Pages draws everything that a visitor sees. It is made once and is safe for
// concurrent use.
type Pages struct {
	cfg       Config
	catalogue *catalogue
	templates *templates
	assets    map[string]asset
	logo      pictureView
	policy    policy
}

// A Config says what pages need to know of the gate. Prefix, Seal and Unseal are
// required.
type Config struct {
	// Prefix is the path of the gate's own addresses.
	Prefix string
	// Title and Logo are the operator's own; without them the brand's are shown.
	Title, Logo string
	// Style is a style sheet of the operator's, which comes after the page's own.
	Style []byte
	// Templates has templates of the operator's. One of the name of a template
	// here takes its place; the others stay as they are.
	Templates fs.FS
	// Language is a language tag (BCP 47) that all pages are in. Default: chosen
	// for each visitor.
	Language string
	// PublicHost is the host of authentik as browsers know it, and Root its address.
	PublicHost, Root string
	// Farewell is where a sign-out leads browsers, if it does: an address of authentik's. A policy about forms
	// holds for what their answers redirect to as well, in Chromium at least.
	SignOutURL string
	// LinksHere says that the links in authentik's mails lead to this site.
	MailLinksHere bool
	// Seal makes the name under which the picture at an address can be asked for.
	Seal func(address string) string
	// Unseal returns the address of such a name.
	Unseal func(name string) (address string, ok bool)
}

// A Question is one challenge to draw.
type Question struct {
	// Step is where the visitor stands.
	Step flowclient.Step
	// Brand is authentik's for this host; zero when it is not known.
	Brand flowclient.Brand
	// Visit is the sealed visit, and Back the way back, which stands beside it.
	Visit, Back string
	// Notice is the name of a sentence of the catalogue, to stand above the form.
	Notice string
	// Mistake is what was wrong about the form that was sent.
	Mistake *Mistake
	// Elsewhere leads to authentik's own page: by way of an address below Prefix where whoever signs in there comes
	// back signed in, else straight to it.
	Elsewhere string
	// Origin is this site's as the browser sees it: scheme, host and port.
	Origin string
	// Source is what the visitor has chosen of the question's sources, if anything.
	Source *ChosenSource
	// Rest is how long the visitor should wait before having something sent again.
	ResendAfter time.Duration
	// Name is what the visitor has typed for a name on an earlier page.
	Name string
	// Wait is how long answers are not taken because there were too many wrong ones.
	Lockout time.Duration
}

// Status is that of the answer.
func (q Question) Status() int {
	if q.Lockout > 0 {
		return http.StatusTooManyRequests
	}
	return Status(q.Step.Challenge.Component())
}

// Seconds are those of Wait, rounded up: whoever comes back a moment early comes in vain.
func (q Question) LockoutSeconds() int { return int(math.Ceil(q.Lockout.Seconds())) }

// New reads the templates, the words and the files, and reports what is wrong
// with the operator's.
func New(cfg Config) (*Pages, error) {
	p := &Pages{cfg: cfg, policy: basePolicy(cfg.Logo)}
	var err error
	if p.catalogue, err = newCatalogue(cfg.Language); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if p.templates, err = newTemplates(cfg.Templates); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if p.assets, err = readAssets(assetFiles, cfg.Style); err != nil {
		return nil, fmt.Errorf("page: reading the files of the page: %w", err)
	}
	p.logo = pictureView{Light: template.URL(cfg.Logo)} //nolint:gosec // The operator's own, from the configuration.
	return p, nil
}

// Ask draws a challenge.
func (p *Pages) Ask(w http.ResponseWriter, r *http.Request, q Question) error {
	d := p.newQuestion(r, q)
	row, ok := stages[d.component]
	if !ok {
		row = stage{template: "elsewhere.html", draw: drawUnknown}
	}
	d.Template = row.template
	if q.Source != nil {
		d.Stage = drawChosenSource(*q.Source, d)
	} else {
		d.Stage = row.draw(q.Step.Challenge, d)
	}
	d.finish()
	return p.write(w, d, q.Status())
}

// Status is what a browser, and whatever stands between, should take a challenge
// for: a question is no error, the end of a flow in refusal is.
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

// Say is a sentence of the catalogue in the language that the question's page would
// have, for those who draw a page of their own.
func (p *Pages) Text(r *http.Request, q Question, name string, pairs ...any) string {
	return p.catalogue.choose(r, q.Brand, q.Step.Authenticated()).text(name, pairs...)
}

// write draws the page as a whole before the first byte of it is sent, so that a
// broken template cannot leave half a page behind.
func (p *Pages) write(w http.ResponseWriter, d *draft, status int) error {
	p.setHeaders(w.Header(), d.policy)
	page, err := p.render(d)
	if err != nil {
		http.Error(w, d.text("fail_server"), http.StatusInternalServerError)
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, err = page.WriteTo(w)
	return err
}

func (p *Pages) render(d *draft) (*bytes.Buffer, error) {
	t, err := p.templates.get(d.Template, d.locale)
	if err != nil {
		return nil, err
	}
	page := new(bytes.Buffer)
	if err := t.ExecuteTemplate(page, layout, &d.pageView); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", d.Template, err)
	}
	return page, nil
}

// protect sets what every page is sent with: nobody may keep it, frame it, guess
// at its type or run anything in it but what the policy names. The page that may be framed
// depends on where it will stand.
func (p *Pages) setHeaders(h http.Header, allowed policy) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", allowed.String())
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if allowed.popups {
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	}
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Vary", "Accept, Accept-Language")
	h.Set("X-Content-Type-Options", "nosniff")
	if allowed.framable {
		h.Set("Vary", "Accept, Accept-Language, Cookie, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site")
		return
	}
	h.Set("X-Frame-Options", "DENY")
}

// login is the address where a sign-in begins that leads to back.
func (p *Pages) signInURL(back string) string {
	if back == "" {
		back = "/"
	}
	return p.cfg.Prefix + "/login?to=" + url.QueryEscape(back)
}
