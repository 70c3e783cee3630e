package proxy

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

const (
	// maxArrivals is how many arrivals within arrivalsKept are as many as can be.
	maxArrivals  = 3
	arrivalsKept = time.Minute
)

// arrivals are the times at which this browser was last told that somebody is signed in. They are in a cookie of the browser's
// own, since where sign-ins do not hold the gate has nothing else to count by. They are no secret and open nothing: who
// writes them oneself has a page that says so in the place of the sign-in page, with a link to that.
type arrivals []time.Time

// String writes them as seconds of the Unix time, in base 36.
func (a arrivals) String() string {
	texts := make([]string, len(a))
	for i, t := range a {
		texts[i] = strconv.FormatInt(t.Unix(), 36)
	}
	return strings.Join(texts, ".")
}

// parseArrivals reads what String has written, and leaves out what is over. Clocks of several Caddys may differ a little.
func parseArrivals(value string, now time.Time) (a arrivals, ok bool) {
	texts := strings.SplitN(value, ".", maxArrivals+1)
	if len(texts) > maxArrivals {
		return nil, false
	}
	for _, text := range texts {
		n, err := strconv.ParseUint(text, 36, 40)
		if err != nil || strconv.FormatUint(n, 36) != text {
			return nil, false
		}
		t := time.Unix(int64(n), 0) //nolint:gosec // It has 40 bits.
		if age := now.Sub(t); age < arrivalsKept && age > -arrivalsKept {
			a = append(a, t)
		}
	}
	return a, true
}

// with returns them with one more, and no more than count.
func (a arrivals) with(t time.Time) arrivals {
	all := append(a[:len(a):len(a)], t)
	return all[max(0, len(all)-maxArrivals):]
}

// full reports whether a sign-in that begins after them would be one too many.
func (a arrivals) full() bool { return len(a) >= maxArrivals }

// A suspicion is why sign-ins may not hold: the name of a sentence for the page, and what the log says.
type suspicion struct {
	sentence string
	err      error
}

var (
	suspectCookie = suspicion{"loop_no_cookie", errors.New(
		"the session cookie is not sent back: the browser or a proxy drops it, or cookie domain does not fit this host")}
	suspectSession = suspicion{"loop_no_session", errors.New(
		"the session cookie is sent back and opens nothing: the store has lost the session, the key or the host's realm is another, or clocks differ")}
	suspectStepUp = suspicion{"loop_step_up", errors.New(
		"the session is good, and each time the application demands another kind of sign-in")}
	suspectGate = suspicion{"loop_other_gate", errors.New(
		"the session is good here, and another gate on this host asks again")}
)

// circles answers a page load that begins a sign-in after too many that did not hold. Where somebody is signed in here, and is
// led on, that counts as an arrival only if a gate on this host has just asked for one: tabs that wait go on by themselves when
// one of them has signed in, any number at once.
func (g *Gate) circles(w http.ResponseWriter, r *http.Request, at Resolved, back string) bool {
	query := at.Asked.Query()
	session, err := g.sessionOf(r, at)
	if err != nil || query.Has("signed-in") || query.Has("link") || !navigates(r) {
		return false
	}
	now := g.cfg.Now()
	seen := g.jar.arrivalsOf(r, at, now)
	counted := seen
	if query.Has("afresh") {
		counted = nil
	}
	again := g.demanded(r, at) != nil
	switch holds := session != nil && !again; {
	case holds && !query.Has("asked"):
		if len(counted) == 0 {
			counted = counted.with(now) // so that a gate that asks again says so
		}
	case counted.full():
		g.fail(w, r, at, g.suspected(r, at, session, again), back)
		return true
	case holds:
		counted = counted.with(now)
	}
	if counted.String() != seen.String() {
		g.jar.setArrivals(w, at, counted)
	}
	return false
}

// suspected is the failure of sign-ins that do not hold.
func (g *Gate) suspected(r *http.Request, at Resolved, session *Session, again bool) *fault.Error {
	why := suspectCookie
	switch {
	case again:
		why = suspectStepUp
	case session != nil:
		why = suspectGate
	case g.jar.sentSession(r, at):
		why = suspectSession
	}
	e := fault.New(fault.SignInLoop, why.err)
	e.Suspect = why.sentence
	return e
}
