package signin

import (
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// What a waiting page has to do.
const (
	pollWait   = "wait"   // nothing has happened
	pollAnswer = "answer" // what it waits for has happened: submit the form
	pollBegin  = "begin"  // the user has signed in in another tab: open the application
)

// poll tells a waiting page what to do. It reads the store only for browsers with
// a session cookie.
func (h *Handler) poll(x *exchange.Exchange, said reply.Reply) {
	next := pollWait
	if _, found, err := x.Session(); err == nil && found {
		next = pollBegin
	} else if vis, err := h.Opened(x, said.Visit); err == nil && h.ready(x, vis) {
		next = pollAnswer
	}
	_ = x.Tell(map[string]string{"next": next}) // fails only if the client has disconnected
}

// ready reports whether what a visit waits for has happened or can no longer
// happen. Either way the page submits its form.
func (h *Handler) ready(x *exchange.Exchange, vis Visit) bool {
	switch c := vis.waitsFor().(type) {
	case flowclient.AuthenticatorDuo:
		return h.waits.ask(x.Context(), vis.ID, h.duoNews(x, vis, c)).progress != progressNone
	case flowclient.SourcePlex:
		return h.waits.ask(x.Context(), vis.ID, h.plexNews(vis, c)).progress != progressNone
	default:
		return false
	}
}

// waitsFor returns the challenge whose answer depends on what happens elsewhere.
func (v Visit) waitsFor() flowclient.Challenge {
	if v.Detour == nil {
		return v.Step.Challenge
	}
	source, ok := sourceAt(v.Step.Challenge, v.Detour.Place)
	if !ok || v.Detour.PIN == nil {
		return nil
	}
	return source.Challenge
}
