// Package flowclient drives authentik's flow executor from Go: it signs a visitor in
// step by step, without a browser.
//
// A flow is a sequence of questions: what is your user name, what is your password,
// which code does your authenticator app show. The executor asks them one at a time.
// [Client.Ask] fetches the current question; [Client.Answer] sends the answer and
// fetches the next question. Both return a [Step], which contains the [Challenge] to
// show and the cookies that the next call needs. Some stages ask nothing, and some
// flows continue with another flow: the client follows these by itself.
//
// The end of a flow does not prove a sign-in. [Client.User] does: it returns the user
// whom authentik has signed in with the visitor's cookies. [Client.Access] asks
// whether that user may use an application; its documentation says which of its
// results proves what.
//
// A client keeps no state of visitors: all of it is in the arguments and results. One
// client serves any number of visitors at the same time, but the calls for one
// visitor must not overlap, because authentik reads and writes a session as a whole.
//
// The client is not a browser. It has no cookie jar, runs no scripts, draws no
// pages, and sends requests only to the configured host. A call ends after
// Config.Timeout, by default 15 seconds, and every kind of answer has a limit
// in bytes.
//
// # Challenges and answers
//
// Every kind of challenge is a type, and so is every kind of answer; its name is that
// of the challenge with the suffix Answer. [AuthenticatorValidate] has five kinds of
// answer, the members of [AuthenticatorValidateAnswer]. Some challenges need no
// answer, such as [Autosubmit] and [AccessDenied]. A challenge of a newer authentik is
// an [Unknown] and no error; [RawAnswer] answers it.
//
// # Errors
//
// What a visitor did wrong is not an error: it is in the next challenge, in
// [Base].Errors. A few errors refuse, such as [ErrUnauthenticated] and
// [ErrDenied], or name something that does not exist, such as [ErrFlowNotFound].
// All others mean that authentik gave no usable answer, and do not refuse the
// visitor: [ErrUnreachable], of which [StartingError] and [TLSError] are special
// cases, and [UnexpectedError], an answer that authentik does not give.
//
// # Relay
//
// [Client.Relay] returns a [Relay], which passes on requests that others have made: of
// authentik's own web interface, and of libraries for OpenID Connect. Driving a flow
// needs none of it.
//
// # Files
//
//   - client.go: configuration, client and visitor
//   - walk.go: from a request to the next question
//   - exchange.go, request.go, reply.go, limits.go: HTTP, in one place
//   - circuit.go: an authentik that does not answer
//   - tls.go, tlserror.go: certificates
//   - cookies.go, csrf.go: what authentik needs to see again
//   - flow.go, step.go, login.go: the position of a visitor
//   - errors.go: the errors
//   - challenge.go, object.go: the set of challenges, and how they are decoded
//   - credentials.go, sources.go: who are you
//   - factors.go, validate.go, enrolment.go: second factors, and their set-up
//   - forms.go: forms, consent and other questions
//   - redirect.go, endings.go, logouts.go: ends of a flow
//   - answer.go, raw.go: what answers share, and answers in authentik's own JSON
//   - start.go, plex.go, duo.go, authorize.go: calls beside the executor
//   - user.go, access.go, brand.go, picture.go: what authentik knows outside a flow
//   - relay.go, oauth.go: requests of others
package flowclient
