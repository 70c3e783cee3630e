package page

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A View is what the templates see of a page: layout.html all of it, and a
// stage's own template the same, with its own part in Stage.
type View struct {
	// Language is the tag of the page's language, Direction its direction: ltr or rtl.
	Language, Direction string
	// Theme is light or dark where the brand has fixed it, else empty. Layout is
	// one of authentik's, or framed.
	Theme, Layout string
	// Title stands in the browser's tab, Heading and Lead on the page.
	Title, Heading, Lead string
	// Styles and Scripts are addresses, in the order in which they count. Icon is
	// that of the tab.
	Styles, Scripts []string
	Icon            template.URL
	// Logo and Backdrop are the brand's and the flow's.
	Logo, Backdrop Picture
	// Notice is news, Good is good news, Alerts is what went wrong.
	Notice, Good string
	Alerts       []string
	// Account is who is signing in, where authentik shows it.
	Account *Account
	// Action is where the form goes, with the hidden fields below. Afresh is
	// where a new sign-in begins, and empty where the page's own address is as good.
	Action, Afresh, Visit, Back, Component string
	// Elsewhere leads to authentik's own page, ElsewhereHost is its name, and Afterwards says what comes of a
	// sign-in there.
	Elsewhere, ElsewhereHost, Afterwards string
	// Host is authentik's, for the foot of the page; Links are the brand's.
	Host  string
	Links []FootLink
	// Stage is what the stage's own template needs: one of the types of this
	// package, which says so.
	Stage any
}

// An Account is who is signing in.
type Account struct {
	// Name is the user's, or what was typed where authentik does not tell.
	Name string
	// Face is the address of a picture of them; empty where there is none.
	Face template.URL
}

// A FootLink is a link of the brand; without an address it is only words.
type FootLink struct{ Name, Address string }

// Username is the account's name for password managers.
func (v *View) Username() string {
	if v.Account == nil {
		return ""
	}
	return v.Account.Name
}

// A draft is a page in the making: the view, and what it is made of.
type draft struct {
	View
	Template  string
	pages     *Pages
	say       *tongue
	policy    policy
	origin    string          // of this site, as the browser sees it
	rest      time.Duration   // before something can be sent again
	called    string          // the name that was typed on an earlier page
	step      flowclient.Step // zero on pages of our own
	component flowclient.Component
	// posted is the form that this page answers, if it belongs to the same kind
	// of question; refused says that something was wrong with it.
	posted  url.Values
	refused bool
	// chosen has the fields of that form in which a file was chosen. A browser
	// forgets it, and no page can choose it again.
	chosen map[string]bool
	// errors are authentik's, by field of the answer. What a stage shows beside a
	// field it takes away; the rest is shown above the form.
	errors map[string][]string
}

// blank begins any page: in the visitor's language, with the brand's looks. A
// visitor who has signed in is known, which makes a difference to the language.
func (p *Pages) blank(r *http.Request, b flowclient.Brand, known bool) *draft {
	d := &draft{pages: p, say: p.words.choose(r, b, known), policy: p.policy}
	d.View = p.view(b, d.say)
	return d
}

// told is a sentence by its name, or nothing where it has none.
func (d *draft) told(name string) string {
	if name == "" {
		return ""
	}
	return d.say.say(name)
}

// run has the page load one of our scripts, besides the one that all pages have.
func (d *draft) run(script string) { d.Scripts = append(d.Scripts, d.pages.address(script)) }

// allow lets this page alone load, or send to, more than pages may.
func (d *draft) allow(more policy) { d.policy = d.policy.and(more) }

// draft begins the page of a question with all that is not the stage's own.
func (p *Pages) draft(r *http.Request, q Question) *draft {
	base := q.Step.Challenge.Common()
	d := p.blank(r, q.Brand, q.Step.Authenticated())
	d.component, d.step, d.origin, d.rest = q.Step.Challenge.Component(), q.Step, q.Origin, q.Rest
	p.flow(&d.View, base.FlowInfo)
	d.called = q.Name
	d.Action, d.Visit, d.Back = p.cfg.Prefix+"/login", q.Visit, q.Back
	d.Afresh, d.Component, d.Notice = p.login(q.Back), string(d.component), d.told(q.Notice)
	d.Account = p.account(base)
	d.leadAway(q.Elsewhere)
	d.remember(r, q, base)
	return d
}

// leadAway sets where the visitor can go on at authentik, and what comes of that.
func (d *draft) leadAway(to string) {
	own, host := strings.HasPrefix(to, d.pages.cfg.Prefix+"/"), d.pages.cfg.PublicHost
	switch away := webAddress(to); {
	case own:
		d.Elsewhere, d.Afterwards = to, d.say.say("elsewhere_returns")
	case away != "":
		d.Elsewhere, d.Afterwards = away, d.say.say("elsewhere_stays")
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
func (d *draft) remember(r *http.Request, q Question, base flowclient.Base) {
	d.errors = map[string][]string{}
	if q.Step.Lost && q.Mistake == nil && q.Wait == 0 {
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
		d.errors[q.Mistake.Field] = append(d.errors[q.Mistake.Field], d.say.say(q.Mistake.Name, q.Mistake.Pairs...))
	}
	if q.Wait > 0 {
		d.errors = map[string][]string{"": {d.say.say("wait_attempts", "Seconds", q.Seconds())}}
	}
	if r.PostForm.Get("component") == string(d.component) {
		d.posted = r.PostForm
		d.refused = base.Errors != nil || q.Mistake != nil || q.Wait > 0
		d.chosen = filesOf(r)
	}
}

func filesOf(r *http.Request) map[string]bool {
	chosen := map[string]bool{}
	if r.MultipartForm != nil {
		for name := range r.MultipartForm.File {
			chosen[name] = true
		}
	}
	return chosen
}

// wrong takes away what is wrong with a field of the answer.
func (d *draft) wrong(field string) []string {
	w := d.errors[field]
	delete(d.errors, field)
	return w
}

// typed is what had been typed into a field, where the visitor should see it
// again. Passwords and codes are never asked for here.
func (d *draft) typed(name, otherwise string) string {
	if d.refused && d.posted.Has(name) {
		return d.posted.Get(name)
	}
	return otherwise
}

// settle shows what no field has claimed above the form, and names the page.
func (d *draft) settle() {
	for _, field := range slices.Sorted(keysOf(d.errors)) {
		for _, w := range d.errors[field] {
			if !slices.Contains(d.Alerts, w) {
				d.Alerts = append(d.Alerts, w)
			}
		}
	}
	d.name()
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

// name puts the heading and the brand into the browser's tab.
func (v *View) name() {
	v.Title = v.Heading
	if v.Logo.Text != "" && v.Logo.Text != v.Heading {
		v.Title += " · " + v.Logo.Text
	}
}

// heading sets the heading where the flow has no title.
func (d *draft) heading(otherwise string) {
	if strings.TrimSpace(d.Heading) == "" {
		d.Heading = otherwise
	}
}

// task names what this page is about: as its heading where the flow has no title
// of its own, else below that.
func (d *draft) task(sentence string) {
	if strings.TrimSpace(d.Heading) == "" {
		d.Heading = sentence
		return
	}
	d.Lead = sentence
}
