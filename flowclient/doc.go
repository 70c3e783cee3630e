// Package flowclient drives authentik's flow executor from Go.
//
// A flow is a row of questions that authentik asks a visitor: who are you, what
// is your password, what does your authenticator app say. The executor hands
// them out one at a time. [Client.Ask] fetches the present one, [Client.Answer]
// gives the answer and fetches the next; each returns a [Step], which holds the
// [Challenge] to show and the cookies to come back with. Where authentik only
// wants to be asked again (silent stages, chained flows) the client does so by
// itself. [Client.StartSource] and [Client.RedeemPlex] take the ways out of a flow
// that lead to other places to sign in, as far as they stay with authentik.
//
// The client holds nothing but its configuration. All that belongs to a visitor
// goes in with the call and comes out with the result, so one client serves any
// number of visitors at once. Requests for one visitor must not overlap:
// authentik reads and writes a session as one piece.
//
// It is not a browser: it keeps no cookie jar, runs no script, draws no page and
// never sends a request to any host but the configured one. It does not decide
// who may do what: the end of a flow proves nothing, only [Client.User] and
// [Client.Access] do.
//
// The files: client.go has the configuration and the calls, walk.go the way from
// one request to the next question, exchange.go the one place of HTTP, cookies.go
// and csrf.go what authentik wants to see again, flow.go and step.go where a
// visitor stands, errors.go what can go wrong. challenge.go has the set of
// challenges, object.go reads them tolerantly; they stand with their answers in
// credentials.go and sources.go (who are you), factors.go and enrolment.go
// (prove it), forms.go (tell us), redirect.go, endings.go and logouts.go (it
// ends here); answer.go has what answers share, and raw.go the answer that
// somebody else has written. start.go and plex.go leave a flow by way of a source
// and come back into one, duo.go asks how a set-up is going; user.go, access.go,
// brand.go and picture.go ask authentik outside of any flow.
package flowclient
