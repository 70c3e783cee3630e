package page

import (
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

// A Field is one field of a form that a page keeps.
type Field = namedValue

// A LateForm is a form that was sent without a session.
type LateForm struct {
	// SignIn is the address where the visitor signs in. Continue is the address
	// that the page's form is sent to afterwards.
	SignIn, Continue string
	Fields           []Field
	// Files are the names of the form's files, whose content is not kept.
	Files []string
}

// Late draws the page that keeps a form. The sign-in opens in another tab, so
// that this page stays open.
func (p *Pages) Late(w http.ResponseWriter, r *http.Request, f LateForm, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	words := []string{d.text("late_lead"), d.text("late_steps")}
	if len(f.Files) > 0 {
		words = append(words, d.text("late_files", "Names", strings.Join(f.Files, ", ")))
	}
	p.drawEnding(w, d, http.StatusUnauthorized, "late_title", endingView{
		Words: words,
		Links: []action{{Text: d.text("late_sign_in"), Address: f.SignIn, Tab: true, Focus: true}},
		Forms: []action{{Text: d.text("continue"), Address: f.Continue, Hidden: f.Fields, Quiet: true}},
	})
}

// LateLost says that a form was not sent and cannot be kept.
func (p *Pages) LateLost(w http.ResponseWriter, r *http.Request, signIn string, b flowclient.Brand) {
	p.lateGone(w, r, "late_lost", signIn, b)
}

// LateForeign says that a form of another site was not sent and is not kept.
func (p *Pages) LateForeign(w http.ResponseWriter, r *http.Request, signIn string, b flowclient.Brand) {
	p.lateGone(w, r, "late_foreign", signIn, b)
}

func (p *Pages) lateGone(w http.ResponseWriter, r *http.Request, why, signIn string, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	p.drawEnding(w, d, http.StatusUnauthorized, "late_not_sent", endingView{
		Words: []string{d.text(why)},
		Links: []action{{Text: d.text("sign_in"), Address: signIn, Focus: true}},
	})
}

// LateSignedIn draws the page at which the sign-in in the other tab ends.
func (p *Pages) LateSignedIn(w http.ResponseWriter, r *http.Request, username string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	p.drawEnding(w, d, http.StatusOK, "framed_done", endingView{
		Words: []string{d.text("account", "Name", username), d.text("late_signed_in")},
	})
}

// A LateSend is a form that is about to be sent.
type LateSend struct {
	// To is an address of this site.
	To     string
	Fields []Field
	// Files says that the form can contain files.
	Files    bool
	Username string
	// Insecure says that the site has no HTTPS.
	Insecure bool
}

// LateSend asks whether the user who is signed in now wants to send the form.
// The application may answer with a redirect to any site. Chromium applies
// form-action to the redirect as well, so the policy allows it.
func (p *Pages) LateSend(w http.ResponseWriter, r *http.Request, f LateSend, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	d.allow(csp.Policy{Forms: []string{"https:"}})
	if f.Insecure {
		d.allow(csp.Policy{Forms: []string{"http:"}})
	}
	p.drawEnding(w, d, http.StatusOK, "late_ask", endingView{
		Words: []string{d.text("account", "Name", f.Username), d.text("late_once")},
		Forms: []action{{Text: d.text("late_send"), Address: f.To, Hidden: f.Fields, Files: f.Files, Focus: true}},
	})
}

// LateOther says that another user has signed in than the one who filled in the
// form. The page still keeps the form.
func (p *Pages) LateOther(w http.ResponseWriter, r *http.Request, f LateForm, username string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	p.drawEnding(w, d, http.StatusForbidden, "late_not_sent", endingView{
		Words: []string{d.text("account", "Name", username), d.text("late_other")},
		Links: []action{{Text: d.text("switch_account"), Address: p.cfg.Prefix + "/logout", Tab: true, Focus: true}},
		Forms: []action{{Text: d.text("continue"), Address: f.Continue, Hidden: f.Fields, Quiet: true}},
	})
}
