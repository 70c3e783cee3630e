package proxy

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// refuse answers a request for the application that may not pass. A page load gets
// a page, everything else a document that programs read.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error) {
	w.Header().Add("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	if !navigates(r) {
		g.expireUnreadable(w, r, at)
		g.problem(w, r, at, e)
		return
	}
	back := g.wayBack(at.Asked.RequestURI())
	if session, err := g.sessionOf(r, at); err == nil && session != nil {
		g.turnAway(w, r, at, session, e, back)
		return
	}
	g.fail(w, r, at, e, back)
}

// fail reports a failure to whoever has asked.
func (g *Gate) fail(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, back string) {
	g.voice(r).fail(w, r, at, e, back)
}

// retryAfter says when to come back, rounded up: whoever comes back a moment
// early comes in vain.
func retryAfter(h http.Header, e *fault.Error) {
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

// report logs a failure once, with its cause.
func (g *Gate) report(r *http.Request, at Resolved, e *fault.Error) {
	log := g.log(at)
	switch {
	case e.Code == fault.SignInRequired:
	case e.Status >= http.StatusInternalServerError:
		log.ErrorContext(r.Context(), "refused", "code", e.Code, "error", errors.Unwrap(e))
	default:
		log.InfoContext(r.Context(), "refused", "code", e.Code, "error", errors.Unwrap(e))
	}
}

// problem answers with a problem document (RFC 9457).
func (g *Gate) problem(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error) {
	g.report(r, at, e)
	login := g.cfg.Prefix + "/login"
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	retryAfter(h, e)
	document := problem{Type: "about:blank", Title: e.Title, Status: e.Status, Code: e.Code}
	if e.Code == fault.SignInRequired {
		g.invite(h)
		document.LoginURL = login
	}
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(document) // a visitor who has gone away needs no answer
}

// invite says where to sign in. An answer of 401 has to say so (RFC 9110, 15.5.2).
func (g *Gate) invite(h http.Header) {
	h.Set("WWW-Authenticate", `authentik login_url="`+g.cfg.Prefix+`/login"`)
}

// problem is a failure for programs to read.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     Code   `json:"code"`
	LoginURL string `json:"login_url,omitempty"`
}
