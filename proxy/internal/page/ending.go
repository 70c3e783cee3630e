package page

import (
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An Ending is what the pages that ask nothing have to say.
type endingView struct {
	// Words are sentences, in their order.
	Words []string
	// Facts are for whoever is asked for help.
	Facts []namedValue
	// Links and Forms are the ways on: links, and forms that are sent.
	Links, Forms []action
}

// A Fact is a name and a value.
type namedValue struct{ Name, Value string }

// A Way is a way on: a link to Address, or a form that is sent there.
type action struct {
	Text, Address string
	// Hidden are fields that a form sends.
	Hidden []namedValue
	// Quiet ways are offered, not recommended. Away ones lead off this site.
	// Focus is set on the one at which the page begins.
	Quiet, Away, Focus bool
}

// A Failure is what could not be done. The catalogue has two sentences for each
// code: what happened, and what to do about it.
type Failure struct {
	// Code is a word such as visit-lost, for whoever is asked for help.
	Code string
	// Status is that of the answer.
	Status int
	// Suspect is the name of a sentence about what may be the cause; empty where nobody can say.
	Cause string
}

// sentence is the name of what the catalogue says of the failure.
func (f Failure) messageName() string { return "fail_" + strings.ReplaceAll(f.Code, "-", "_") }

// remedy is what the catalogue says to do about the failure. Where authentik should
// lead browsers back to stands in one of those sentences, and depends on the prefix.
func (f Failure) remedy(d *draft) string {
	return d.text(f.messageName()+"_remedy", "Callback", d.pages.cfg.Prefix+"/callback")
}

// signInLoop is the code of sign-ins that do not hold. They are counted, and whoever tries again begins to count afresh.
const codeSignInLoop = "sign-in-loop"

// stepUpRefused is the code of the one refusal that a visitor can mend by signing in again.
const codeStepUpRefused = "step-up-refused"

// A Parting is what has ended when a visitor has signed out. It travels in the address
// of the page that says so.
type SignOutScope string

// The partings.
const (
	// PartingNone says of nothing but this site: nobody is signed in here.
	SignOutUnknown SignOutScope = ""
	// PartingAll says that the visitor is signed out here, at authentik, and at the other
	// applications of the same sign-in.
	SignOutEverywhere SignOutScope = "all"
	// PartingHere says that the visitor is signed out here, and that authentik could not be
	// asked to end its own session, which may go on.
	SignOutHere SignOutScope = "here"
)

// partings are the names of what the catalogue says of each.
var signOutMessages = map[SignOutScope]string{
	SignOutUnknown:    "signed_out_lead",
	SignOutEverywhere: "signed_out_all",
	SignOutHere:       "signed_out_here",
}

// ParseParting reads a parting from an address, where anybody can write anything: what is
// none of them is PartingNone, which promises least.
func ParseSignOutScope(s string) SignOutScope {
	if p := SignOutScope(s); signOutMessages[p] != "" {
		return p
	}
	return SignOutUnknown
}

// tell draws a page that asks nothing.
func (p *Pages) drawEnding(w http.ResponseWriter, d *draft, status int, heading string, e endingView) {
	d.Template, d.Heading, d.Stage = "ending.html", d.text(heading), e
	d.setTitle()
	_ = p.write(w, d, status) // tried by a test: what is left is a browser that went away
}

// answers says where a page can be loaded again that is the answer to a form: its own
// address would have the form sent again.
func (d *draft) setReloadAddress(r *http.Request, back string) {
	if r.Method == http.MethodPost {
		d.Afresh = d.pages.signInURL(back)
	}
}

// Fail draws a failure: its code, what it means and what to do about it.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, f Failure, back string, b flowclient.Brand) {
	d, heading := p.newDraft(r, b, false), "fail_client"
	if f.Status >= http.StatusInternalServerError {
		heading = "fail_server"
	}
	d.setReloadAddress(r, back)
	words, again := []string{d.text(f.messageName())}, p.signInURL(back)
	if f.Cause != "" {
		words = append(words, d.text(f.Cause))
	}
	if f.Code == codeSignInLoop {
		again += "&afresh=1"
	}
	p.drawEnding(w, d, f.Status, heading, endingView{
		Words: append(words, f.remedy(d)),
		Facts: []namedValue{{d.text("code_name"), f.Code}},
		Links: []action{{Text: d.text("try_again"), Address: again, Focus: true}},
	})
}

// Forbid tells a visitor who is signed in that this is not for them. authentik
// tells ordinary users no reason, so none is made up; messages are a flow's own.
// A step-up that was refused is no more than a matter of signing in otherwise: again
// keeps the address of the sign-in from leading those who are signed in straight back.
func (p *Pages) Forbid(w http.ResponseWriter, r *http.Request, f Failure, who string, messages []string, back string, b flowclient.Brand) {
	d, heading, logout := p.newDraft(r, b, true), "forbidden", p.cfg.Prefix+"/logout"
	d.allow(policy{forms: origins(p.cfg.SignOutURL)})
	d.setReloadAddress(r, back)
	again := f.Code == codeStepUpRefused
	e := endingView{
		Words: append([]string{d.text("account", "Name", who)}, messages...),
		Facts: []namedValue{{d.text("code_name"), f.Code}},
		Forms: []action{
			{Text: d.text("switch_account"), Address: logout, Quiet: again, Focus: !again, Hidden: []namedValue{{"switch", "1"}, {"to", back}}},
			{Text: d.text("sign_out"), Address: logout, Quiet: true},
		},
	}
	if again {
		heading = "fail_client" // they may use the application, once they have signed in as it demands
		e.Words = append(e.Words, d.text(f.messageName()))
		e.Links = []action{{Text: d.text("sign_in_again"), Address: p.signInURL(back), Focus: true}}
	}
	e.Words = append(e.Words, f.remedy(d))
	p.drawEnding(w, d, f.Status, heading, e)
}

// SignOut asks before a session ends: a link alone must not end it.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request, who string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	d.allow(policy{forms: origins(p.cfg.SignOutURL)})
	p.drawEnding(w, d, http.StatusOK, "sign_out_ask", endingView{
		Words: []string{d.text("account", "Name", who)},
		Forms: []action{{Text: d.text("sign_out"), Address: p.cfg.Prefix + "/logout", Focus: true}},
	})
}

// SignedOut says what has ended. It does not lead on by itself: that would sign
// the visitor in again.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, how SignOutScope, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	p.drawEnding(w, d, http.StatusOK, "signed_out", endingView{
		Words: []string{d.text(signOutMessages[how])},
		Links: []action{{Text: d.text("sign_in_again"), Address: p.signInURL("/"), Focus: true}},
	})
}
