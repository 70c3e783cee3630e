package matchers

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Openness says which requests of a site need a sign-in.
type Openness struct {
	Closed Sets // if not empty, only requests that match need a sign-in
	Opened Sets // requests that match need no sign-in
}

// IsOpen reports whether a request needs no sign-in. It is checked both as it
// was sent and as it was rewritten, since the application may use either form.
func (o Openness) IsOpen(r *http.Request) bool {
	return len(o.Closed) > 0 && !o.Closed.Concern(r) || len(o.Opened) > 0 && o.Opened.Open(r)
}

// Why returns the option that opens a request, or a text that no option does.
func (o Openness) Why(r *http.Request) string {
	if len(o.Closed) > 0 && !o.Closed.Concern(r) {
		return "only " + o.Closed.String() + " does not match the request"
	}
	for i, set := range o.Opened {
		if o.Opened[i : i+1].Open(r) {
			return "open " + set.text + " matches"
		}
	}
	if len(o.Closed) > 0 {
		return "only " + o.Closed.String() + " matches"
	}
	return "no open matches the request"
}

// made are the matchers of values that any client can invent, with what to
// write instead.
var made = map[string]string{
	"header":        "a client can send any header",
	"header_regexp": "a client can send any header",
	"query":         "a client can send any query",
	"vars":          "a variable may come from the request",
	"expression":    "an expression may read values that a client can invent",
	"remote_ip":     "behind a proxy it is that proxy's address for all; write client_ip",
}

// Warn warns of matchers that open requests because of values that any client
// can invent, and of matchers that open everything unless the gate is forErrors.
func (o Openness) Warn(log *slog.Logger, forErrors bool) {
	for _, set := range o.Opened {
		all := true
		for _, m := range set.all {
			name := m.name()
			if why, ok := made[name]; ok {
				log.Warn("open: a client can invent the value that opens requests", "matcher", name, "reason", why)
			}
			all = all && name == "path" && m.everything()
		}
		if all && !forErrors { // where the gate is to tell who is signed in
			log.Warn("open: every request is open; the gate only tells the application who is signed in")
		}
	}
}

// TooEarly reports whether a matcher cannot say yet whether it matches a request. The
// address of a client is not verified before the TLS handshake is complete, and HTTP/3
// carries requests before that.
func (sets Sets) TooEarly(r *http.Request) bool {
	return slices.ContainsFunc(sets, func(set Set) bool {
		return slices.ContainsFunc(set.all, func(m matcher) bool {
			_, err := m.MatchWithError(r)
			failed, ok := errors.AsType[caddyhttp.HandlerError](err)
			return ok && failed.StatusCode == http.StatusTooEarly
		})
	})
}
