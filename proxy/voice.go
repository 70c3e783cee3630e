package proxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// A voice is how the gate speaks to whoever asks: in pages to people, in JSON to
// programs. What it has to say is the same to both, and is decided before.
type voice interface {
	// ask puts the question of a visit.
	ask(w http.ResponseWriter, r *http.Request, q page.Question) error
	// arrive tells a visitor that their session has begun.
	arrive(w http.ResponseWriter, r *http.Request, at Resolved, a *admission)
	// lead tells a visitor who is done to go to an address of this site, if to one; by is
	// where a browser goes first.
	lead(w http.ResponseWriter, to, by string)
	// leave sends a browser to an address of authentik's.
	leave(w http.ResponseWriter, to string)
	// fail reports a failure.
	fail(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, back string)
	// forbid tells a user that the application is not for them.
	forbid(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, username, back string)
}

// voice is the one place where it is said which of the two a request hears.
func (g *Gate) voice(r *http.Request) voice {
	if wantsJSON(r) {
		return jsonVoice{g}
	}
	return pageVoice{g}
}

// A pageVoice speaks in pages and redirects.
type pageVoice struct{ *Gate }

func (v pageVoice) ask(w http.ResponseWriter, r *http.Request, q page.Question) error {
	return v.pages.Ask(w, r, q)
}

// arrive has the browser come back once, which shows whether it keeps the cookie.
func (v pageVoice) arrive(w http.ResponseWriter, _ *http.Request, _ Resolved, a *admission) {
	v.redirect(w, v.arrival(a))
}

// arrival is where a browser comes back to that was given a session.
func (g *Gate) arrival(a *admission) string {
	return g.cfg.Prefix + "/login?signed-in=1&to=" + url.QueryEscape(a.back)
}

func (v pageVoice) lead(w http.ResponseWriter, _, by string) { v.redirect(w, by) }

func (v pageVoice) leave(w http.ResponseWriter, to string) { v.redirect(w, to) }

// fail draws a page, except for what no person looks at, such as a picture.
func (v pageVoice) fail(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, back string) {
	if r.Method == http.MethodGet && !navigates(r) {
		v.problem(w, r, at, e)
		return
	}
	v.report(r, at, e)
	retryAfter(w.Header(), e)
	v.pages.Fail(w, r, page.Failure{Code: string(e.Code), Status: e.Status, Cause: e.Suspect}, back, v.brand(r, at))
}

func (v pageVoice) forbid(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, username, back string) {
	v.pages.Forbid(w, r, page.Failure{Code: string(e.Code), Status: e.Status}, username, nil, back, v.brand(r, at))
}

// A jsonVoice speaks in JSON, and never in redirects: programs follow those
// without looking.
type jsonVoice struct{ *Gate }

// ask has the same status as the page: a refusal is one for programs too.
func (v jsonVoice) ask(w http.ResponseWriter, r *http.Request, q page.Question) error {
	body, err := v.document(r, q)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return err
	}
	return tell(w, q.Status(), body)
}

// arrive says at once what a browser would hear when it comes back. Whether the
// cookie was kept is the program's own business.
func (v jsonVoice) arrive(w http.ResponseWriter, r *http.Request, at Resolved, a *admission) {
	if !v.onward(w, r, at, a.session, a.back) {
		v.fail(w, r, at, fault.New(fault.SignInRequired, nil), a.back)
	}
}

func (jsonVoice) lead(w http.ResponseWriter, to, _ string) {
	_ = say(w, done{Done: true, To: to}) // a visitor who has gone away needs no answer
}

// leave tells where a browser is to be sent, and that nobody is signed in yet.
func (jsonVoice) leave(w http.ResponseWriter, to string) {
	_ = say(w, done{To: to}) // a visitor who has gone away needs no answer
}

func (v jsonVoice) fail(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, _ string) {
	w.Header().Add("Vary", "Accept")
	v.problem(w, r, at, e)
}

func (v jsonVoice) forbid(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, _, back string) {
	v.fail(w, r, at, e, back)
}

// A done is the end: of a sign-in, or of a session.
type done struct {
	Done bool   `json:"done"`
	To   string `json:"to,omitempty"`
}

// say tells a program something that is no failure.
func say(w http.ResponseWriter, what any) error {
	body := new(bytes.Buffer)
	if err := json.NewEncoder(body).Encode(what); err != nil {
		return err
	}
	return tell(w, http.StatusOK, body.Bytes())
}

// tell sends JSON that nobody may keep, take for something else, or load into
// another site's page.
func tell(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Vary", "Accept, Accept-Language, Cookie")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
