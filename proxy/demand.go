package proxy

import (
	"net/url"
	"strconv"
	"time"
)

// A demand is what an application wants of a sign-in, besides that there is one. It travels in the address of the sign-in, where
// another route's gate may answer: what a visitor writes there themselves makes their own sign-in harder and nothing else.
type demand struct {
	MFA    bool          `json:"mfa,omitempty"`
	MaxAge time.Duration `json:"max_age,omitempty"`
}

// demand is what this gate wants.
func (c OIDCConfig) demand() demand { return demand{c.RequireMFA, c.MaxAge} }

// demandAt is what the gate wants, and the one whose visitor comes to an address of it.
func (g *Gate) demandAt(at Resolved) demand {
	if !g.cfg.OIDC.used() {
		return demand{}
	}
	return g.cfg.OIDC.demand().and(demandIn(at.Asked.Query()))
}

// and is what two want together.
func (d demand) and(other demand) demand {
	d.MFA = d.MFA || other.MFA
	if other.MaxAge > 0 && (d.MaxAge == 0 || other.MaxAge < d.MaxAge) {
		d.MaxAge = other.MaxAge
	}
	return d
}

// unmet reports whether a sign-in is not of the kind that is wanted.
func (d demand) unmet(in signedIn, now time.Time) bool {
	return d.MFA && !in.MFA || d.MaxAge > 0 && now.Sub(in.At) > d.MaxAge
}

// The names of a demand in the address of a sign-in. The age is in seconds.
const (
	demandMFA    = "mfa"
	demandMaxAge = "max_age"
)

// text is a demand as it stands in an address, after other parameters.
func (d demand) text() (query string) {
	if d.MFA {
		query += "&" + demandMFA + "=1"
	}
	if d.MaxAge > 0 {
		query += "&" + demandMaxAge + "=" + strconv.Itoa(int(d.MaxAge/time.Second))
	}
	return query
}

// demandIn reads what text has written. An age of less than a minute would be over before the
// visitor has come back.
func demandIn(query url.Values) (d demand) {
	d.MFA = query.Has(demandMFA)
	if seconds, err := strconv.Atoi(query.Get(demandMaxAge)); err == nil && seconds > 0 && seconds <= int((365*24*time.Hour)/time.Second) {
		d.MaxAge = max(time.Duration(seconds)*time.Second, time.Minute)
	}
	return d
}
