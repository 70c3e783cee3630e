// Package exchange holds one request at the gate and what was found out about
// it: the writer, the request, what the server in front resolved, and the
// session, which is looked up once.
//
//   - exchange.go: the request, its session, redirects and failures
//   - cookies.go, strip.go, arrivals.go: the gate's cookies
//   - navigation.go: page loads, frames, and ways back on this site
//   - accept.go, format.go, problem.go: the response format, HTML or JSON
//
// It decides nothing: whether a session may pass is said by the gate, through
// Shared.Access.
package exchange
