package proxy

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// What a page that waits is told to do.
const (
	pollWait   = "wait"   // nothing has happened
	pollAnswer = "answer" // what it waits for has come: its form can be sent
	pollBegin  = "begin"  // somebody has signed in elsewhere in this browser: on to the application
)

// poll tells a page that waits whether its time has come. It asks the store
// only for browsers that have a session's cookie.
func (g *Gate) poll(w http.ResponseWriter, r *http.Request, at Resolved, said reply) {
	next := pollWait
	if session, err := g.sessionOf(r, at); err == nil && session != nil {
		next = pollBegin
	} else if vis, err := g.returning(r, at, said.visit); err == nil && g.ready(r, at, vis) {
		next = pollAnswer
	}
	_ = say(w, map[string]string{"next": next}) // a visitor who has gone away needs no answer
}

// ready reports whether what a visit waits for elsewhere has happened, or cannot happen any
// more: either way its form should be sent.
func (g *Gate) ready(r *http.Request, at Resolved, vis visit) bool {
	switch c := vis.waitsFor().(type) {
	case flowclient.AuthenticatorDuo:
		return g.waits.ask(r.Context(), vis.ID, g.duoNews(r, at, vis, c)).progress != progressNone
	case flowclient.SourcePlex:
		return g.waits.ask(r.Context(), vis.ID, g.plexNews(vis, c)).progress != progressNone
	default:
		return false
	}
}

// waitsFor is the challenge whose answer depends on what happens elsewhere.
func (v visit) waitsFor() flowclient.Challenge {
	if v.Detour == nil {
		return v.Step.Challenge
	}
	source, ok := sourceAt(v.Step.Challenge, v.Detour.Place)
	if !ok || v.Detour.PIN == nil {
		return nil
	}
	return source.Challenge
}
