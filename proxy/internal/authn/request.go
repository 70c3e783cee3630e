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

// A Request is a request to authentik's authorize endpoint, with what the gate
// needs to recognize the answer. It is kept sealed for one browser.
type Request struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // PKCE, RFC 7636
	Redirect string `json:"redirect"`
	Prompt   string `json:"prompt,omitempty"`
	MaxAge   int    `json:"max_age,omitempty"` // seconds
	// Rounds is how often the endpoint was asked.
	Rounds int `json:"rounds,omitempty"`
	// Demand is what the gate demands of the sign-in.
	Demand Demand `json:"demand,omitzero"`
	// Since is when the visitor was sent to sign in again. Only a sign-in that is
	// not older counts.
	Since time.Time `json:"since,omitzero"`
}

// NewRequest returns a request with a new state, nonce and verifier. State and
// nonce have 128 random bits.
func NewRequest(redirect string) Request {
	return Request{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
}

// againAge is how old a sign-in may be if a new one is demanded. A shorter age
// would have passed by the time the visitor comes back.
const againAge = time.Minute

// Again returns the request for a visitor who is signed in at authentik and now
// has to sign in again. A maximum age works as often as needed. prompt=login
// works once in each session of authentik, and is for visitors who have only
// just signed in. Both together would make the visitor sign in twice.
func (r Request) Again(in session.SignIn, now time.Time) Request {
	r.Since = now
	if now.Sub(in.At) > againAge {
		r.MaxAge = int(againAge / time.Second)
		return r
	}
	r.Prompt, r.MaxAge = "login", 0
	return r
}

// AnsweredBy reports whether an address is where the endpoint sends its answer.
func (r Request) AnsweredBy(to string) bool { return strings.HasPrefix(to, r.Redirect+"?") }

// A Demand is what an application demands of a sign-in. What a rule of the gate
// demands of some requests is carried in the address of the sign-in. A visitor
// who adds a demand makes only their own sign-in harder, and a visitor who
// removes it has to sign in again.
type Demand struct {
	MFA    bool          `json:"mfa,omitempty"`
	MaxAge time.Duration `json:"max_age,omitempty"`
}

// And returns what two demands ask for together.
func (d Demand) And(other Demand) Demand {
	d.MFA = d.MFA || other.MFA
	if other.MaxAge > 0 && (d.MaxAge == 0 || other.MaxAge < d.MaxAge) {
		d.MaxAge = other.MaxAge
	}
	return d
}

// Ahead returns the demand that a sign-in has to meet now, so that it still meets d a
// moment later, by another server's clock.
func (d Demand) Ahead() Demand {
	d.MaxAge -= min(session.ClockLeeway, d.MaxAge/2)
	return d
}

// Unmet reports whether a sign-in is not of the demanded kind. One in the future, of a
// server whose clock is ahead, has no known age. If both are demanded, the second
// factor must be as recent as the sign-in.
func (d Demand) Unmet(in session.SignIn, now time.Time) bool {
	return d.LacksFactor(in, now) || d.old(in.At, now)
}

// LacksFactor reports whether a sign-in has no second factor, although it is demanded,
// or one that was shown too long ago.
func (d Demand) LacksFactor(in session.SignIn, now time.Time) bool {
	return d.MFA && (!in.MFA || !in.Factor.IsZero() && d.old(in.Factor, now))
}

// old reports whether a time is too long ago, or not known.
func (d Demand) old(at, now time.Time) bool {
	age := now.Sub(at)
	return d.MaxAge > 0 && (age > d.MaxAge || age < -session.ClockLeeway)
}

// The parameters of a demand in the address of a sign-in. The age is in seconds.
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

// maxDemandAge bounds the age in an address, in seconds.
const maxDemandAge = int((365 * 24 * time.Hour) / time.Second)

// DemandIn reads what Query has written. An age of less than a minute would have
// passed before the visitor comes back.
func DemandIn(query url.Values) (d Demand) {
	d.MFA = query.Has(demandMFA)
	if seconds, err := strconv.Atoi(query.Get(demandMaxAge)); err == nil && seconds > 0 && seconds <= maxDemandAge {
		d.MaxAge = max(time.Duration(seconds)*time.Second, time.Minute)
	}
	return d
}
