// Package exchange holds one request at the gate and everything that is known
// about it: the writer, the request, what the server in front resolved, and the
// session, which is looked up once.
//
//   - exchange.go: the request, its session, redirects and failures
//   - cookies.go, strip.go, arrivals.go: the gate's cookies
//   - back.go, deeplink.go: ways back on this site
//   - format.go, problem.go: responses, as HTML or JSON
//
// The package does not decide whether a session may pass: the gate does, in
// Shared.Access.
package exchange
