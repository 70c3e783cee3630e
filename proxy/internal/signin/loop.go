package signin

import (
	"errors"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
)

// A suspicion is a possible reason why sign-ins are lost at once: the name of a
// message for the page, and a text for the log.
type suspicion struct {
	sentence string
	err      error
}

var (
	suspectCookie = suspicion{"loop_no_cookie", errors.New(
		"the session cookie is not sent back: the browser or a proxy drops it, or cookie domain does not fit this host")}
	suspectSession = suspicion{"loop_no_session", errors.New(
		"the session cookie is sent back and opens nothing: the store has lost the session, the key or the host's realm differs, or clocks differ")}
	suspectStepUp = suspicion{"loop_step_up", errors.New(
		"the session is valid, and the application demands another kind of sign-in each time")}
	suspectGate = suspicion{"loop_other_gate", errors.New(
		"the session is good here, and another gate on this host asks again")}
)

// loops answers a page load that begins a sign-in, after too many sign-ins that
// were lost at once. A signed-in visitor who is redirected counts as an arrival
// only if a gate on this host has just asked for a sign-in: after a sign-in in
// one tab, any number of waiting tabs continue by themselves.
func (h *Handler) loops(x *exchange.Exchange, back string) bool {
	query := x.At.Asked.Query()
	_, found, err := x.Session()
	if err != nil || query.Has("signed-in") || query.Has("link") || query.Has("visit") || !intent.Navigates(x.R) {
		return false
	}
	now := h.Now()
	seen := x.Arrivals()
	counted := seen
	if query.Has("afresh") {
		counted = nil
	}
	_, again := h.demanded(x)
	switch holds := found && !again; {
	case holds && !query.Has("asked"):
		if len(counted) == 0 {
			counted = counted.With(now) // counts only if a gate asks for a sign-in again
		}
	case counted.Full():
		x.Fail(suspect(x, found, again), back)
		return true
	case holds:
		counted = counted.With(now)
	}
	if counted.String() != seen.String() {
		x.SetArrivals(counted)
	}
	return false
}

// suspect returns the failure for sign-ins that are lost at once.
func suspect(x *exchange.Exchange, signedIn, again bool) *fault.Error {
	why := suspectCookie
	switch {
	case again:
		why = suspectStepUp
	case signedIn:
		why = suspectGate
	case x.SentSession():
		why = suspectSession
	}
	return why.as(fault.SignInLoop)
}

// unkept returns the failure for a sign-in that has begun a session, and left the
// browser without one. If the browser sends the cookie of a session, it is not to
// blame.
func unkept(x *exchange.Exchange) *fault.Error {
	if x.SentSession() {
		return suspectSession.as(fault.SessionLost)
	}
	return fault.New(fault.CookiesBlocked, nil)
}

// as returns the failure with a code that names the suspicion.
func (s suspicion) as(code fault.Code) *fault.Error {
	e := fault.New(code, s.err)
	e.Suspect = s.sentence
	return e
}
