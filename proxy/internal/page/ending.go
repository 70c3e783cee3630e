package page

import (
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An Ending is what the pages that ask nothing have to say.
type Ending struct {
	// Words are sentences, in their order.
	Words []string
	// Facts are for whoever is asked for help.
	Facts []Fact
	// Links and Forms are the ways on: links, and forms that are sent.
	Links, Forms []Way
}

// A Fact is a name and a value.
type Fact struct{ Name, Value string }

// A Way is a way on: a link to Address, or a form that is sent there.
type Way struct {
	Text, Address string
	// Hidden are fields that a form sends.
	Hidden []Fact
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
	Suspect string
}

// sentence is the name of what the catalogue says of the failure.
func (f Failure) sentence() string { return "fail_" + strings.ReplaceAll(f.Code, "-", "_") }

// remedy is what the catalogue says to do about the failure. Where authentik should
// lead browsers back to stands in one of those sentences, and depends on the prefix.
func (f Failure) remedy(d *draft) string {
	return d.say.say(f.sentence()+"_remedy", "Callback", d.pages.cfg.Prefix+"/callback")
}

// signInLoop is the code of sign-ins that do not hold. They are counted, and whoever tries again begins to count afresh.
const signInLoop = "sign-in-loop"

// stepUpRefused is the code of the one refusal that a visitor can mend by signing in again.
const stepUpRefused = "step-up-refused"

// A Parting is what has ended when a visitor has signed out. It travels in the address
// of the page that says so.
type Parting string

// The partings.
const (
	// PartingNone says of nothing but this site: nobody is signed in here.
	PartingNone Parting = ""
	// PartingAll says that the visitor is signed out here, at authentik, and at the other
	// applications of the same sign-in.
	PartingAll Parting = "all"
	// PartingHere says that the visitor is signed out here, and that authentik could not be
	// asked to end its own session, which may go on.
	PartingHere Parting = "here"
)

// partings are the names of what the catalogue says of each.
var partings = map[Parting]string{
	PartingNone: "signed_out_lead",
	PartingAll:  "signed_out_all",
	PartingHere: "signed_out_here",
}

// ParseParting reads a parting from an address, where anybody can write anything: what is
// none of them is PartingNone, which promises least.
func ParseParting(s string) Parting {
	if p := Parting(s); partings[p] != "" {
		return p
	}
	return PartingNone
}

// tell draws a page that asks nothing.
func (p *Pages) tell(w http.ResponseWriter, d *draft, status int, heading string, e Ending) {
	d.Template, d.Heading, d.Stage = "ending.html", d.say.say(heading), e
	d.name()
	_ = p.write(w, d, status) // tried by a test: what is left is a browser that went away
}

// answers says where a page can be loaded again that is the answer to a form: its own
// address would have the form sent again.
func (d *draft) answers(r *http.Request, back string) {
	if r.Method == http.MethodPost {
		d.Afresh = d.pages.login(back)
	}
}

// Fail draws a failure: its code, what it means and what to do about it.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, f Failure, back string, b flowclient.Brand) {
	d, heading := p.blank(r, b, false), "fail_client"
	if f.Status >= http.StatusInternalServerError {
		heading = "fail_server"
	}
	d.answers(r, back)
	words, again := []string{d.say.say(f.sentence())}, p.login(back)
	if f.Suspect != "" {
		words = append(words, d.say.say(f.Suspect))
	}
	if f.Code == signInLoop {
		again += "&afresh=1"
	}
	p.tell(w, d, f.Status, heading, Ending{
		Words: append(words, f.remedy(d)),
		Facts: []Fact{{d.say.say("code_name"), f.Code}},
		Links: []Way{{Text: d.say.say("try_again"), Address: again, Focus: true}},
	})
}

// Forbid tells a visitor who is signed in that this is not for them. authentik
// tells ordinary users no reason, so none is made up; messages are a flow's own.
// A step-up that was refused is no more than a matter of signing in otherwise: again
// keeps the address of the sign-in from leading those who are signed in straight back.
func (p *Pages) Forbid(w http.ResponseWriter, r *http.Request, f Failure, who string, messages []string, back string, b flowclient.Brand) {
	d, heading, logout := p.blank(r, b, true), "forbidden", p.cfg.Prefix+"/logout"
	d.allow(policy{forms: origins(p.cfg.Farewell)})
	d.answers(r, back)
	again := f.Code == stepUpRefused
	e := Ending{
		Words: append([]string{d.say.say("account", "Name", who)}, messages...),
		Facts: []Fact{{d.say.say("code_name"), f.Code}},
		Forms: []Way{
			{Text: d.say.say("switch_account"), Address: logout, Quiet: again, Focus: !again, Hidden: []Fact{{"switch", "1"}, {"to", back}}},
			{Text: d.say.say("sign_out"), Address: logout, Quiet: true},
		},
	}
	if again {
		heading = "fail_client" // they may use the application, once they have signed in as it demands
		e.Words = append(e.Words, d.say.say(f.sentence()))
		e.Links = []Way{{Text: d.say.say("sign_in_again"), Address: p.login(back), Focus: true}}
	}
	e.Words = append(e.Words, f.remedy(d))
	p.tell(w, d, f.Status, heading, e)
}

// SignOut asks before a session ends: a link alone must not end it.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request, who string, b flowclient.Brand) {
	d := p.blank(r, b, true)
	d.allow(policy{forms: origins(p.cfg.Farewell)})
	p.tell(w, d, http.StatusOK, "sign_out_ask", Ending{
		Words: []string{d.say.say("account", "Name", who)},
		Forms: []Way{{Text: d.say.say("sign_out"), Address: p.cfg.Prefix + "/logout", Focus: true}},
	})
}

// SignedOut says what has ended. It does not lead on by itself: that would sign
// the visitor in again.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, how Parting, b flowclient.Brand) {
	d := p.blank(r, b, false)
	p.tell(w, d, http.StatusOK, "signed_out", Ending{
		Words: []string{d.say.say(partings[how])},
		Links: []Way{{Text: d.say.say("sign_in_again"), Address: p.login("/"), Focus: true}},
	})
}
