package page

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

// A draft is a page that is being built: its view, and the values from which
// the view is built.
type draft struct {
	pageView
	Template    string
	pages       *Pages
	locale      *locales.Locale
	policy      csp.Policy
	origin      string          // this site's origin, as the browser sees it
	resendAfter time.Duration   // how long until a message can be sent again
	knownName   string          // the name that was typed on an earlier page
	step        flowclient.Step // zero on pages without a challenge
	component   flowclient.Component
	// posted is the form that this page answers, if it was for the same kind of
	// challenge. refused reports that authentik or the gate did not accept it.
	posted  url.Values
	refused bool
	// chosenFiles names the fields of that form that had a file. Browsers do not
	// keep files, and no page can choose them again.
	chosenFiles map[string]bool
	// errors are by field of the answer. A stage takes those that it draws
	// beside a field; finish shows the others above the form.
	errors map[string][]string
}

// newDraft returns a page in the visitor's language with the looks of the
// brand. authenticated reports that the visitor has signed in. It changes how
// authentik, and so the page, chooses the language.
func (p *Pages) newDraft(r *http.Request, b flowclient.Brand, authenticated bool) *draft {
	d := &draft{pages: p, locale: p.locale(r, b, authenticated), policy: p.policy}
	d.pageView = p.brandView(b, d.locale)
	return d
}

// newQuestion returns the page of a challenge without the stage's own part.
func (p *Pages) newQuestion(r *http.Request, q Question) *draft {
	base := q.Step.Challenge.Common()
	d := p.newDraft(r, q.Brand, q.Step.Authenticated())
	d.component, d.step, d.origin, d.resendAfter = q.Step.Challenge.Component(), q.Step, q.Origin, q.ResendAfter
	p.applyFlow(&d.pageView, base.FlowInfo)
	d.knownName = q.Name
	d.Action, d.Visit, d.Back = p.cfg.Prefix+"/login", q.Visit, q.Back
	d.Component, d.Notice = string(d.component), d.optionalText(q.Notice)
	d.setReload(r, q)
	d.Account = p.account(base)
	d.setInstead(q.Aside)
	d.setElsewhere(q.Elsewhere)
	d.restoreForm(r, q, base)
	return d
}

// drawStage draws the stage's own part of a challenge.
func (d *draft) drawStage(q Question) {
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
}

// reloaded is a parameter for the address of a page that answers a form. A
// reload of such a page begins a new sign-in, since forms are not sent again;
// with the parameter, the new page can say why.
const reloaded = "reloaded"

// setReload sets the addresses for reloading the page of a challenge, and tells
// a visitor who has reloaded an earlier page.
func (d *draft) setReload(r *http.Request, q Question) {
	d.Afresh = d.pages.signInURL(q.Back)
	switch {
	case q.Reload != "":
		d.Reload = q.Reload
	case r.Method == http.MethodPost:
		d.Reload = d.Afresh + "&" + reloaded + "=1"
	case d.Notice == "" && r.URL.Query().Has(reloaded):
		d.Notice = d.text("notice_reloaded")
	}
}

// AsideLink is the Aside of a visitor who came by a link.
const AsideLink = "link"

// setInstead offers a new sign-in on a page of another flow, which may have no way
// back. Where the account is shown, "Not you?" leads there.
func (d *draft) setInstead(aside string) {
	switch d.component {
	case flowclient.ComponentIdentification, flowclient.ComponentPrompt, flowclient.ComponentEmail,
		flowclient.ComponentAuthenticatorValidate, flowclient.ComponentAccessDenied:
	default:
		return
	}
	switch {
	case d.Account != nil || aside == "":
	case aside == "passwordless":
		d.Instead = d.text("source_back")
	default:
		d.Instead = d.text("sign_in")
	}
}

// text returns a message of the catalogue in the page's language.
func (d *draft) text(name string, pairs ...any) string { return d.locale.Text(name, pairs...) }

// optionalText is text; for the empty name it returns "".
func (d *draft) optionalText(name string) string {
	if name == "" {
		return ""
	}
	return d.text(name)
}

// addScript adds one of our scripts to page.js, which all pages load.
func (d *draft) addScript(name string) { d.Scripts = append(d.Scripts, d.pages.assets.URL(name)) }

// allow extends the content security policy of this page only.
func (d *draft) allow(more csp.Policy) { d.policy = d.policy.With(more) }

// setElsewhere sets the address at authentik where the visitor can continue,
// and whether they come back signed in.
func (d *draft) setElsewhere(to string) {
	address := webAddress(to)
	switch {
	case strings.HasPrefix(to, d.pages.cfg.Prefix+"/"):
		d.Elsewhere, d.Afterwards = to, d.text("elsewhere_returns")
	case address != "":
		d.Elsewhere, d.Afterwards = address, d.text("elsewhere_stays")
	default:
		return
	}
	d.ElsewhereHost = d.pages.cfg.PublicHost
	if d.ElsewhereHost == "" {
		d.ElsewhereHost = hostOf(to)
	}
}

// restoreForm keeps what the visitor sent, and the errors in it. A form for
// another challenge is ignored.
func (d *draft) restoreForm(r *http.Request, q Question, base flowclient.Base) {
	d.errors = map[string][]string{}
	if q.Step.Lost && q.Mistake == nil && q.Lockout == 0 {
		return
	}
	for field, all := range base.Errors {
		for _, e := range all {
			if e.Text != "" {
				d.errors[field] = append(d.errors[field], e.Text)
			}
		}
	}
	if m := q.Mistake; m != nil && m.Name != "" {
		d.errors[m.Field] = append(d.errors[m.Field], d.text(m.Name, m.Pairs...))
	}
	if q.Lockout > 0 {
		d.errors = map[string][]string{"": {d.text("wait_attempts", "Seconds", q.LockoutSeconds())}}
	}
	if r.PostForm.Get("component") == string(d.component) {
		d.posted = r.PostForm
		d.refused = base.Errors != nil || q.Mistake != nil || q.Lockout > 0
		d.chosenFiles = chosenFiles(r)
	}
}

func chosenFiles(r *http.Request) map[string]bool {
	chosen := map[string]bool{}
	if r.MultipartForm != nil {
		for name := range r.MultipartForm.File {
			chosen[name] = true
		}
	}
	return chosen
}

// takeErrors removes and returns the errors of a field.
func (d *draft) takeErrors(field string) []string {
	errors := d.errors[field]
	delete(d.errors, field)
	return errors
}

// typedOr returns the text that the visitor typed into a field, if the form was
// refused, and otherwise the given one. Passwords and codes are never restored.
func (d *draft) typedOr(name, otherwise string) string {
	if d.refused && d.posted.Has(name) {
		return d.posted.Get(name)
	}
	return otherwise
}

// finish puts the errors that no field shows above the form, and sets the
// title.
func (d *draft) finish() {
	for _, field := range slices.Sorted(maps.Keys(d.errors)) {
		for _, text := range d.errors[field] {
			if !slices.Contains(d.Alerts, text) {
				d.Alerts = append(d.Alerts, text)
			}
		}
	}
	d.setTitle()
}

// defaultHeading sets the heading unless the flow has a title.
func (d *draft) defaultHeading(text string) {
	if strings.TrimSpace(d.Heading) == "" {
		d.Heading = text
	}
}

// setTask says what the page is about: in the heading, or below it if the flow
// has a title.
func (d *draft) setTask(text string) {
	if strings.TrimSpace(d.Heading) == "" {
		d.Heading = text
		return
	}
	d.Lead = text
}
