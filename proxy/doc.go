// Package proxy is a gate that puts an authentik sign-in before any net/http
// handler. A request meets the gate, which makes one decision about it. A visitor who
// must sign in makes a visit, which walks through authentik's challenges one
// step at a time, giving answers, until it becomes a session; then the
// application sees a signed-in user in its request headers.
//
//	client, err := flowclient.New(flowclient.Config{URL: authentik})
//	…
//	gate, err := proxy.New(proxy.Config{Client: client, Store: proxy.NewMemory(), Key: key})
//	…
//	http.ListenAndServe(addr, gate.Wrap(application))
//
// It is no identity provider, and keeps no users: who somebody is, and what
// they may use, is authentik's to say. It does not defend against the application itself, whose scripts
// share a host with the sign-in page.
//
// The way of a request:
//
//   - gate.go: the configuration made into a Gate; Guard, which acts, and Wrap
//   - decision.go: what is to be done with a request; reads, never writes
//   - headers.go, package headers, cookies.go: what the application is told, and what is kept from it
//
// The way of a visitor:
//
//   - own.go: the gate's own addresses
//   - signin.go, admission.go: one step after another, up to the session
//   - redirect.go: the way by authentik's own pages
//   - arrivals.go: sign-ins that do not hold, counted and stopped
//   - link.go: visits that a mailed link begins
//   - show.go, problem.go: what is shown of a step, and of a failure
//   - frame.go: sign-ins that begin in a frame, where none can be shown
//   - voice.go, accept.go, document.go: in pages or in JSON, and which of the two
//   - signout.go: who is signed in, and the end of it
//   - reply.go, replyjson.go, poll.go: what comes back from a page, from a program, and from a page that waits
//   - source.go, plex.go: other places to sign in
//   - duo.go, again.go, waits.go, excuse.go: answers that need a question first, some patience, or a second try
//   - visit.go, submissions.go: a visit sealed in its page, answered once
//   - copies.go, unbegun.go: first questions that cost authentik nothing, and the visits that begin with their answer
//   - package throttle, proof.go: wrong answers, counted and slowed down
//   - package page: how challenges are drawn and answers read; package pictures: authentik's pictures
//
// The word of authentik, on which alone a session begins and goes on:
//
//   - way.go: the two ways to have it, and authentik's own session, which is one; oidc.go: OpenID Connect, the other
//   - provider.go, keys.go, tokens.go, claims.go: what is known of authentik's provider, and what its tokens prove
//   - authrequest.go: what its authorize endpoint is asked, and answers; demand.go, stepup.go: for a sign-in of another kind
//   - recheck.go, idle.go: what has become of a session since; signoff.go: its end at authentik
//   - notice.go, known.go: what authentik tells of ends by itself; streams.go: what stays open closes with its session
//   - redirect.go: sign-ins at authentik's own pages; relay.go, relaypath.go, relayvisit.go, relaywatch.go: at those pages, here
//
// What lasts:
//
//   - session.go, sessions.go, cache.go: a session, where it is found, and those that are remembered; graves.go, misses.go: which are over, and which are none
//   - roll.go, turns.go: the sessions of each user; begin.go, end.go: how they begin and end; operator.go: what an operator sees of them
//   - store.go, memory.go: the contract of stores, and the one in memory
//   - browser.go, brand.go: what is known of a browser, and of authentik's looks
//   - package seal: what only one browser and this gate can open together
//
// And config.go, errors.go and metrics.go hold what their names say.
package proxy
