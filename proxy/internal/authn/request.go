package authn

import (
	"crypto/rand"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"golang.org/x/oauth2"
)

// A Request is a request to authentik's authorize endpoint, with everything
// that the gate needs to recognize the answer. It is kept sealed for one
// browser.
type Request struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // PKCE, RFC 7636
	Redirect string `json:"redirect"`
	Prompt   string `json:"prompt,omitempty"`
	MaxAge   int    `json:"max_age,omitempty"` // seconds
	// Rounds is how often the endpoint was asked.
	Rounds int `json:"rounds,omitempty"`
	// Demand is the gate's demand on the sign-in.
	Demand Demand `json:"demand,omitzero"`
	// Since is when the visitor was sent to sign in again. A sign-in before
	// that does not count.
	Since time.Time `json:"since,omitzero"`
}

// NewRequest returns a request with a new state, nonce and verifier. State and
// nonce have 128 random bits.
func NewRequest(redirect string) Request {
	return Request{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
}

// againAge is the maximum age of a sign-in if a new one is demanded. A shorter
// age would be over by the time the visitor returns.
const againAge = time.Minute

// Again returns the request for a visitor who is signed in at authentik and has
// to sign in again. It has a maximum age, which works every time, or
// prompt=login, which works once in each session of authentik and is for
// visitors who have only just signed in. Both together would make the visitor
// sign in twice.
func (r Request) Again(in session.SignIn, now time.Time) Request {
	r.Since = now
	if now.Sub(in.At) > againAge {
		r.MaxAge = int(againAge / time.Second)
		return r
	}
	r.Prompt, r.MaxAge = "login", 0
	return r
}

// AnsweredBy reports whether an address is the one to which the endpoint sends
// its answer.
func (r Request) AnsweredBy(to string) bool { return strings.HasPrefix(to, r.Redirect+"?") }

// A Demand is the demand of an application on a sign-in. What a rule of the
// gate demands of some requests is a parameter of the sign-in's address. A
// visitor who adds a demand there only makes their own sign-in harder. A
// visitor who removes one has to sign in again.
type Demand struct {
	MFA    bool          `json:"mfa,omitempty"`
	MaxAge time.Duration `json:"max_age,omitempty"`
}

// And returns the demand that is met if both are.
func (d Demand) And(other Demand) Demand {
	d.MFA = d.MFA || other.MFA
	if other.MaxAge > 0 && (d.MaxAge == 0 || other.MaxAge < d.MaxAge) {
		d.MaxAge = other.MaxAge
	}
	return d
}

// Ahead returns the demand on a sign-in now that makes it meet d a moment
// later, by the clock of another server.
func (d Demand) Ahead() Demand {
	d.MaxAge -= min(session.ClockLeeway, d.MaxAge/2)
	return d
}

// Unmet reports whether a sign-in does not meet the demand. A sign-in in the
// future, by a server whose clock is ahead, has no known age. If a second
// factor and an age are demanded, the factor must be as recent as the sign-in.
func (d Demand) Unmet(in session.SignIn, now time.Time) bool {
	return d.LacksFactor(in, now) || d.old(in.At, now)
}

// LacksFactor reports whether a second factor is demanded and the sign-in has
// none, or one that was given too long ago.
func (d Demand) LacksFactor(in session.SignIn, now time.Time) bool {
	return d.MFA && (!in.MFA || !in.Factor.IsZero() && d.old(in.Factor, now))
}

// old reports whether a time is too long ago, or not known.
func (d Demand) old(at, now time.Time) bool {
	age := now.Sub(at)
	return d.MaxAge > 0 && (age > d.MaxAge || age < -session.ClockLeeway)
}

// The parameters for a demand in the address of a sign-in. The age is in
// seconds.
const (
	demandMFA    = "mfa"
	demandMaxAge = "max_age"
)

// Query returns a demand as parameters of an address, each beginning with an
// ampersand.
func (d Demand) Query() (query string) {
	if d.MFA {
		query += "&" + demandMFA + "=1"
	}
	if d.MaxAge > 0 {
		query += "&" + demandMaxAge + "=" + strconv.Itoa(int(d.MaxAge/time.Second))
	}
	return query
}

// maxDemandAge is the maximum of the age in an address, in seconds.
const maxDemandAge = int((365 * 24 * time.Hour) / time.Second)

// DemandIn reads what Query has written. It ignores an age of less than a
// minute, which would be over before the visitor returns.
func DemandIn(query url.Values) (d Demand) {
	d.MFA = query.Has(demandMFA)
	if seconds, err := strconv.Atoi(query.Get(demandMaxAge)); err == nil && seconds > 0 && seconds <= maxDemandAge {
		d.MaxAge = max(time.Duration(seconds)*time.Second, time.Minute)
	}
	return d
}
