package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A draft is a page in the making: the view, and what it is made of.
type draft struct {
	pageView
	Template    string
	pages       *Pages
	locale      *locale
	policy      policy
	origin      string          // of this site, as the browser sees it
	resendAfter time.Duration   // before something can be sent again
	knownName   string          // the name that was typed on an earlier page
	step        flowclient.Step // zero on pages of our own
	component   flowclient.Component
	// posted is the form that this page answers, if it belongs to the same kind
	// of question; refused says that something was wrong with it.
	posted  url.Values
	refused bool
	// chosen has the fields of that form in which a file was chosen. A browser
	// forgets it, and no page can choose it again.
	chosenFiles map[string]bool
	// errors are authentik's, by field of the answer. What a stage shows beside a
	// field it takes away; the rest is shown above the form.
	errors map[string][]string
}

// blank begins any page: in the visitor's language, with the brand's looks. A
// visitor who has signed in is known, which makes a difference to the language.
func (p *Pages) newDraft(r *http.Request, b flowclient.Brand, known bool) *draft {
	d := &draft{pages: p, locale: p.catalogue.choose(r, b, known), policy: p.policy}
	d.pageView = p.brandView(b, d.locale)
	return d
}

// told is a sentence by its name, or nothing where it has none.
func (d *draft) optionalText(name string) string {
	if name == "" {
		return ""
	}
	return d.text(name)
}

// text returns a message of the catalogue in the page's language.
func (d *draft) text(name string, pairs ...any) string { return d.locale.text(name, pairs...) }

// run has the page load one of our scripts, besides the one that all pages have.
func (d *draft) addScript(script string) { d.Scripts = append(d.Scripts, d.pages.assetURL(script)) }

// allow lets this page alone load, or send to, more than pages may.
func (d *draft) allow(more policy) { d.policy = d.policy.with(more) }

// draft begins the page of a question with all that is not the stage's own.
func (p *Pages) newQuestion(r *http.Request, q Question) *draft {
	base := q.Step.Challenge.Common()
	d := p.newDraft(r, q.Brand, q.Step.Authenticated())
	d.component, d.step, d.origin, d.resendAfter = q.Step.Challenge.Component(), q.Step, q.Origin, q.ResendAfter
	p.applyFlow(&d.pageView, base.FlowInfo)
	d.knownName = q.Name
	d.Action, d.Visit, d.Back = p.cfg.Prefix+"/login", q.Visit, q.Back
	d.Afresh, d.Component, d.Notice = p.signInURL(q.Back), string(d.component), d.optionalText(q.Notice)
	d.Account = p.account(base)
	d.setElsewhere(q.Elsewhere)
	d.restoreForm(r, q, base)
	return d
}

// leadAway sets where the visitor can go on at authentik, and what comes of that.
func (d *draft) setElsewhere(to string) {
	own, host := strings.HasPrefix(to, d.pages.cfg.Prefix+"/"), d.pages.cfg.PublicHost
	switch away := webAddress(to); {
	case own:
		d.Elsewhere, d.Afterwards = to, d.text("elsewhere_returns")
	case away != "":
		d.Elsewhere, d.Afterwards = away, d.text("elsewhere_stays")
	default:
		return
	}
	d.ElsewhereHost = host
	if host == "" {
		d.ElsewhereHost = hostOf(to)
	}
}

// remember takes up what the visitor had sent and what was wrong with it. What
// belongs to another question is none of this page's.
func (d *draft) restoreForm(r *http.Request, q Question, base flowclient.Base) {
	d.errors = map[string][]string{}
	if q.Step.Lost && q.Mistake == nil && q.Lockout == 0 {
		return
	}
	for field, wrong := range base.Errors {
		for _, e := range wrong {
			if e.Text != "" {
				d.errors[field] = append(d.errors[field], e.Text)
			}
		}
	}
	if q.Mistake != nil && q.Mistake.Name != "" {
		d.errors[q.Mistake.Field] = append(d.errors[q.Mistake.Field], d.text(q.Mistake.Name, q.Mistake.Pairs...))
	}
	if q.Lockout > 0 {
		d.errors = map[string][]string{"": {d.text("wait_attempts", "Seconds", q.LockoutSeconds())}}
	}
	if r.PostForm.Get("component") == string(d.component) {
		d.posted = r.PostForm
		d.refused = base.Errors != nil || q.Mistake != nil || q.Lockout > 0
		d.chosenFiles = chosenFilesOf(r)
	}
}

func chosenFilesOf(r *http.Request) map[string]bool {
	chosen := map[string]bool{}
	if r.MultipartForm != nil {
		for name := range r.MultipartForm.File {
			chosen[name] = true
		}
	}
	return chosen
}

// wrong takes away what is wrong with a field of the answer.
func (d *draft) takeErrors(field string) []string {
	w := d.errors[field]
	delete(d.errors, field)
	return w
}

// typed is what had been typed into a field, where the visitor should see it
// again. Passwords and codes are never asked for here.
func (d *draft) typedOr(name, otherwise string) string {
	if d.refused && d.posted.Has(name) {
		return d.posted.Get(name)
	}
	return otherwise
}

// settle shows what no field has claimed above the form, and names the page.
func (d *draft) finish() {
	for _, field := range slices.Sorted(keysOf(d.errors)) {
		for _, w := range d.errors[field] {
			if !slices.Contains(d.Alerts, w) {
				d.Alerts = append(d.Alerts, w)
			}
		}
	}
	d.setTitle()
}

func keysOf(m map[string][]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// heading sets the heading where the flow has no title.
func (d *draft) defaultHeading(otherwise string) {
	if strings.TrimSpace(d.Heading) == "" {
		d.Heading = otherwise
	}
}

// task names what this page is about: as its heading where the flow has no title
// of its own, else below that.
func (d *draft) setTask(sentence string) {
	if strings.TrimSpace(d.Heading) == "" {
		d.Heading = sentence
		return
	}
	d.Lead = sentence
}
