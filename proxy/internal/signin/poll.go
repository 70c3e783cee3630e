package signin

import (
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// What a page that waits is told to do.
const (
	pollWait   = "wait"   // nothing has happened
	pollAnswer = "answer" // what it waits for has come: its form can be sent
	pollBegin  = "begin"  // a user has signed in in another tab: on to the application
)

// poll tells a page that waits whether its time has come. It asks the store
// only for browsers that have a session's cookie.
func (h *Handler) poll(x *exchange.Exchange, said reply.Reply) {
	next := pollWait
	if _, found, err := x.Session(); err == nil && found {
		next = pollBegin
	} else if vis, err := h.Opened(x, said.Visit); err == nil && h.ready(x, vis) {
		next = pollAnswer
	}
	_ = x.Tell(map[string]string{"next": next}) // a visitor who has gone away needs no answer
}

// ready reports whether what a visit waits for has happened, or cannot happen any
// more: either way its form should be sent.
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
