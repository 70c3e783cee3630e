package proxy

import (
	"math"
	"net/http"
	"strconv"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An ending is what the pages that ask nothing have to say.
type ending struct {
	Words []string
	// Facts are for whoever is asked for help.
	Facts []fact
	Links []way
	Forms []way
}

// A fact is a name and a value.
type fact struct{ Name, Value string }

// A way is a way on: a link to Address, or a form that is sent there.
type way struct {
	Text, Address string
	Hidden        []fact
	// Quiet ways are offered, not recommended. Away ones lead off this site.
	Quiet, Away, Focus bool
}

// tell draws a page that asks nothing.
func (p *pages) tell(w http.ResponseWriter, status int, heading string, b flowclient.Brand, e ending) {
	v := p.view(b)
	v.Heading, v.Stage = heading, e
	v.name()
	_ = p.write(w, "ending.html", status, &v) // a template of ours, tried by a test: what is left is a browser that went away
}

// fail draws an error: its code, what it means and what to do about it.
func (p *pages) fail(w http.ResponseWriter, _ *http.Request, e *Error, back string, b flowclient.Brand) {
	heading := p.say.say("fail_client")
	if e.Status >= http.StatusInternalServerError {
		heading = p.say.say("fail_server")
	}
	retryAfter(w.Header(), e)
	p.tell(w, e.Status, heading, b, ending{
		Words: []string{e.Public, e.Remedy},
		Facts: []fact{{p.say.say("code_name"), string(e.Code)}},
		Links: []way{{Text: p.say.say("try_again"), Address: p.login(back), Focus: true}},
	})
}

// retryAfter says when to come back, rounded up: whoever comes back a moment
// early comes in vain.
func retryAfter(h http.Header, e *Error) {
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

// forbid tells a visitor who is signed in that this is not for them. authentik
// tells ordinary users no reason, so none is made up.
func (p *pages) forbid(w http.ResponseWriter, _ *http.Request, who string, messages []string, back string, b flowclient.Brand) {
	words := append([]string{p.say.say("account", who)}, messages...)
	logout := p.cfg.Prefix + "/logout"
	p.tell(w, http.StatusForbidden, p.say.say("forbidden"), b, ending{
		Words: append(words, p.say.say("forbidden_remedy")),
		Facts: []fact{{p.say.say("code_name"), string(CodeNotAllowed)}},
		Forms: []way{
			{Text: p.say.say("switch_account"), Address: logout, Focus: true, Hidden: []fact{{"switch", "1"}, {"to", back}}},
			{Text: p.say.say("sign_out"), Address: logout, Quiet: true},
		},
	})
}

// signOut asks before a session ends: a link alone must not end it.
func (p *pages) signOut(w http.ResponseWriter, _ *http.Request, who string, b flowclient.Brand) {
	p.tell(w, http.StatusOK, p.say.say("sign_out_ask"), b, ending{
		Words: []string{p.say.say("account", who)},
		Forms: []way{{Text: p.say.say("sign_out"), Address: p.cfg.Prefix + "/logout", Focus: true}},
	})
}

// signedOut says what has ended. It does not lead on by itself: that would sign
// the visitor in again.
func (p *pages) signedOut(w http.ResponseWriter, _ *http.Request, b flowclient.Brand) {
	p.tell(w, http.StatusOK, p.say.say("signed_out"), b, ending{
		Words: []string{p.say.say("signed_out_lead")},
		Links: []way{{Text: p.say.say("sign_in_again"), Address: p.login("/"), Focus: true}},
	})
}
