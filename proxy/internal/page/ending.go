package page

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

// An endingView is a page without a challenge.
type endingView struct {
	// Words are paragraphs.
	Words []string
	// Facts are details for a person who helps the visitor.
	Facts []namedValue
	// Links and Forms are what the visitor can do next.
	Links, Forms []action
}

// A namedValue is a name and a value.
type namedValue struct{ Name, Value string }

// An action is a link to Address, or the button of a form that is sent there.
type action struct {
	Text, Address string
	// Hidden are the hidden fields of the form.
	Hidden []namedValue
	// Quiet marks an action that is not the recommended one, and Away one that
	// leads to another site. Focus marks the one that has the focus at first.
	Quiet, Away, Focus bool
	// Tab opens a link in another tab. Files says that a form may have files.
	Tab, Files bool
}

// A Failure is an error that the visitor sees. The catalogue has two messages
// for each code: what happened, and what to do about it.
type Failure struct {
	// Code identifies the failure for support, such as visit-lost.
	Code string
	// Status is the status of the response.
	Status int
	// Cause is the name of a message about the likely cause, if it is known.
	Cause string
}

// messageName returns the name of the message that says what happened.
func (f Failure) messageName() string { return "fail_" + strings.ReplaceAll(f.Code, "-", "_") }

// remedy returns the message that says what to do. One of them names the
// redirect URI to register, which depends on the prefix.
func (f Failure) remedy(d *draft) string {
	return d.text(f.messageName()+"_remedy", "Callback", d.pages.cfg.Prefix+"/callback")
}

// codeSignInLoop is the code of the failure that counts sign-ins. Trying again
// resets the count.
const codeSignInLoop = "sign-in-loop"

// nextSteps are the names of the messages on the link of a failure that is not
// resolved by trying again. They repeat what its remedy says.
var nextSteps = map[string]string{
	"sign-in-required":   "sign_in",
	"cross-site":         "sign_in",
	"cookies-blocked":    "sign_in_again",
	"session-lost":       "sign_in_again",
	"token-invalid":      "sign_in_again",
	"visit-lost":         "begin_again",
	"visit-expired":      "begin_again",
	"too-large":          "begin_again",
	"not-found":          "continue",
	"method-not-allowed": "continue",
}

// codeStepUpRefused is the code of the only refusal that signing in again can
// resolve.
const codeStepUpRefused = "step-up-refused"

// A SignOutScope says which sessions a sign-out has ended. It is part of the
// address of the page that tells the visitor.
type SignOutScope string

const (
	// SignOutUnknown says only that this site has no session.
	SignOutUnknown SignOutScope = ""
	// SignOutEverywhere says that the sessions of this site, authentik and the
	// other applications of the same sign-in have ended.
	SignOutEverywhere SignOutScope = "all"
	// SignOutHere says that the session of this site has ended. authentik could
	// not be asked to end its own session, which may go on.
	SignOutHere SignOutScope = "here"
)

// signOutMessages are the names of the messages for each scope.
var signOutMessages = map[SignOutScope]string{
	SignOutUnknown:    "signed_out_lead",
	SignOutEverywhere: "signed_out_all",
	SignOutHere:       "signed_out_here",
}

// ParseSignOutScope reads a scope from an address, which any client can write.
// For anything unknown it returns SignOutUnknown, which promises least.
func ParseSignOutScope(s string) SignOutScope {
	if scope := SignOutScope(s); signOutMessages[scope] != "" {
		return scope
	}
	return SignOutUnknown
}

// drawEnding draws a page without a challenge. The error is dropped: tests
// render every such page, so it can only be a broken connection.
func (p *Pages) drawEnding(w http.ResponseWriter, d *draft, status int, heading string, e endingView) {
	d.Template, d.Heading, d.Stage = "ending.html", d.text(heading), e
	d.setTitle()
	_ = p.write(w, d, status)
}

// setReloadAddress sets the address for reloading a page that answers a form: a
// reload of its own address would send the form again.
func (d *draft) setReloadAddress(r *http.Request, back string) {
	if r.Method == http.MethodPost {
		d.Afresh = d.pages.signInURL(back)
	}
}

// Fail draws a failure: what happened, what to do about it, and its code.
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
		Links: []action{{Text: d.text(cmp.Or(nextSteps[f.Code], "try_again")), Address: again, Focus: true}},
	})
}

// Forbid tells a signed-in visitor that they may not use the application.
// authentik gives ordinary users no reason, so the page gives none; messages
// are those of a flow. For a step-up that was refused the page offers to sign
// in again.
func (p *Pages) Forbid(w http.ResponseWriter, r *http.Request, f Failure, username string, messages []string, back string, b flowclient.Brand) {
	d, heading, logout := p.newDraft(r, b, true), "forbidden", p.cfg.Prefix+"/logout"
	d.allow(csp.Policy{Forms: csp.Origins(p.cfg.SignOutURL)})
	d.setReloadAddress(r, back)
	again := f.Code == codeStepUpRefused
	e := endingView{
		Words: append([]string{d.text("account", "Name", username)}, messages...),
		Facts: []namedValue{{d.text("code_name"), f.Code}},
		Forms: []action{
			{Text: d.text("switch_account"), Address: logout, Quiet: again, Focus: !again, Hidden: []namedValue{{"switch", "1"}, {"to", back}}},
			{Text: d.text("sign_out"), Address: logout, Quiet: true},
		},
	}
	if again {
		heading = "fail_client" // they may use the application after another kind of sign-in
		e.Words = append(e.Words, d.text(f.messageName()))
		e.Links = []action{{Text: d.text("sign_in_again"), Address: p.signInURL(back), Focus: true}}
	}
	e.Words = append(e.Words, f.remedy(d))
	p.drawEnding(w, d, f.Status, heading, e)
}

// Several tells a visitor whose browser has several authentik sessions that
// none of them counts, and offers to end them all.
func (p *Pages) Several(w http.ResponseWriter, r *http.Request, f Failure, back string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	p.drawEnding(w, d, f.Status, "fail_client", endingView{
		Words: []string{d.text(f.messageName()), f.remedy(d)},
		Facts: []namedValue{{d.text("code_name"), f.Code}},
		Forms: []action{{
			Text: d.text("switch_account"), Address: p.cfg.Prefix + "/logout", Focus: true, Hidden: []namedValue{{"switch", "1"}, {"to", back}},
		}},
	})
}

// SignOut asks the visitor to confirm a sign-out: following a link must not end
// the session.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request, username string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	d.allow(csp.Policy{Forms: csp.Origins(p.cfg.SignOutURL)})
	p.drawEnding(w, d, http.StatusOK, "sign_out_ask", endingView{
		Words: []string{d.text("account", "Name", username)},
		Forms: []action{{Text: d.text("sign_out"), Address: p.cfg.Prefix + "/logout", Focus: true}},
	})
}

// signOutPause is how long the page about a sign-out is shown before the browser
// goes on to authentik, in seconds.
const signOutPause = "4"

// SigningOut says that the visitor is signed out here, and then sends the
// browser to authentik to sign out there. If authentik has no address to come
// back to, it shows its sign-in page, which looks as if the sign-out had
// failed.
func (p *Pages) SigningOut(w http.ResponseWriter, r *http.Request, away string, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	w.Header().Set("Refresh", signOutPause+"; url="+away)
	p.drawEnding(w, d, http.StatusOK, "signed_out", endingView{
		Words: []string{d.text("signed_out_on")},
		Links: []action{{Text: d.text("continue_at", "Host", p.cfg.PublicHost), Address: away, Away: true, Focus: true}},
	})
}

// SignedOut says which sessions have ended. It does not redirect to the
// application, which would sign the visitor in again.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, scope SignOutScope, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	p.drawEnding(w, d, http.StatusOK, "signed_out", endingView{
		Words: []string{d.text(signOutMessages[scope])},
		Links: []action{{Text: d.text("sign_in_again"), Address: p.signInURL("/"), Focus: true}},
	})
}

// FrameLinks are the addresses on the page that a frame gets instead of the
// sign-in page, which must not be framed.
type FrameLinks struct {
	// SignIn opens the sign-in in a separate window. It is empty in a frame of
	// another site, which would not get the session's cookie.
	SignIn string
	// Own is the page that the frame asked for.
	Own string
}

// Framed draws the page for a frame in which a visitor has to sign in. It
// leaves out the brand's links, which would open inside the frame, and sets no
// focus.
//
// This is the only page that any site may frame: the gate does not know which
// sites embed the application. Clickjacking gains nothing, since a click only
// opens a window in which the browser shows the address. The page says nothing
// about the visitor, has no form and changes nothing.
func (p *Pages) Framed(w http.ResponseWriter, r *http.Request, links FrameLinks, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	d.allow(csp.Policy{Framable: true})
	d.addScript("framed.js")
	d.Layout, d.Links = "framed", nil
	d.Template, d.Heading, d.Stage = "framed.html", d.text("framed_title"), links
	d.setTitle()
	_ = p.write(w, d, http.StatusUnauthorized) // as in drawEnding
}

// FailFramed draws a failure inside a frame, with a link that tries again in a
// window, where pages can do more. Like that of Framed, any site may frame this
// page, and it names no visitor.
func (p *Pages) FailFramed(w http.ResponseWriter, r *http.Request, f Failure, back string, b flowclient.Brand) {
	d, heading := p.newDraft(r, b, false), "fail_client"
	if f.Status >= http.StatusInternalServerError {
		heading = "fail_server"
	}
	d.allow(csp.Policy{Framable: true})
	d.Layout, d.Links = "framed", nil
	p.drawEnding(w, d, f.Status, heading, endingView{
		Words: []string{d.text(f.messageName()), f.remedy(d)},
		Facts: []namedValue{{d.text("code_name"), f.Code}},
		Links: []action{{Text: d.text("framed_own"), Address: p.signInURL(back), Tab: true}},
	})
}

// SignedInFromFrame draws the page in the window that a frame has opened. Its
// script tells the frame and closes the window.
func (p *Pages) SignedInFromFrame(w http.ResponseWriter, r *http.Request, username string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	d.addScript("arrived.js")
	p.drawEnding(w, d, http.StatusOK, "framed_done", endingView{
		Words: []string{d.text("account", "Name", username), d.text("framed_close")},
	})
}
