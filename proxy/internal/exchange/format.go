package exchange

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// JSON reports whether the response is JSON instead of a page. Such a response
// is never a redirect, which programs follow without checking it.
func (x *Exchange) JSON() bool { return intent.WantsJSON(x.R) }

// A done is the JSON about the end of a sign-in or of a session.
type done struct {
	Done bool   `json:"done"`
	To   string `json:"to,omitempty"`
}

// Lead ends a sign-in or sign-out and sends the visitor to an address of this
// site, which may be empty. A browser is redirected there by the response.
func (x *Exchange) Lead(to, by string) {
	if x.JSON() {
		_ = x.Tell(done{Done: true, To: to}) // a client that has disconnected needs no response
		return
	}
	x.Redirect(by)
}

// Leave redirects a browser to an address at authentik. A program gets JSON
// with the address, which says that no user is signed in yet.
func (x *Exchange) Leave(to string) {
	if x.JSON() {
		_ = x.Tell(done{To: to}) // fails only if the client has disconnected
		return
	}
	x.Redirect(to)
}

// Fail reports a failure as HTML or JSON. A request that is not a page load,
// such as one for a picture, gets a problem document.
func (x *Exchange) Fail(e *fault.Error, back string) {
	if x.JSON() {
		x.W.Header().Add("Vary", "Accept")
		x.Problem(e)
		return
	}
	if x.R.Method == http.MethodGet && !intent.Navigates(x.R) && !intent.AsksForPage(x.R) {
		x.Problem(e)
		return
	}
	x.report(e)
	RetryAfter(x.W.Header(), e.RetryAfter)
	if e.Code == fault.SignInRequired {
		x.Invite()
	}
	x.Pages.Fail(x.W, x.R, page.Failure{Code: string(e.Code), Status: e.Status, Cause: e.Suspect}, back, x.KnownBrand(x))
}

// failFramed reports a failure inside a frame.
func (x *Exchange) failFramed(e *fault.Error, back string) {
	x.reportOf(e, x.known())
	RetryAfter(x.W.Header(), e.RetryAfter)
	x.Pages.FailFramed(x.W, x.R, page.Failure{Code: string(e.Code), Status: e.Status}, back, x.KnownBrand(x))
}

// TurnAway tells a signed-in visitor why they are refused, for example that
// they may not use the application.
func (x *Exchange) TurnAway(s *session.Session, e *fault.Error, back string) {
	if e.Code != fault.NotAllowed && e.Code != fault.StepUpRefused {
		x.Fail(e, back)
		return
	}
	if x.JSON() {
		x.W.Header().Add("Vary", "Accept")
		x.problem(e, s)
		return
	}
	x.reportOf(e, s)
	x.Pages.Forbid(x.W, x.R, page.Failure{Code: string(e.Code), Status: e.Status}, s.User.Username, nil, back, x.KnownBrand(x))
}

// Tell sends a program JSON about a success.
func (x *Exchange) Tell(what any) error {
	body := new(bytes.Buffer)
	if err := json.NewEncoder(body).Encode(what); err != nil {
		return err
	}
	return x.WriteJSON(http.StatusOK, body.Bytes())
}

// WriteJSON sends JSON. No cache may keep it, no browser may guess another
// type, and no page of another site may load it.
func (x *Exchange) WriteJSON(status int, body []byte) error {
	h := x.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Vary", "Accept, Accept-Language, Cookie")
	h.Set("X-Content-Type-Options", "nosniff")
	x.W.WriteHeader(status)
	_, err := x.W.Write(body)
	return err
}
