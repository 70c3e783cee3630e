// Package exchange holds one request at the gate and what was found out about
// it: the writer, the request, what the server in front resolved, and the
// session, which is looked up once.
//
//   - exchange.go: the request, its session, redirects and failures
//   - cookies.go, strip.go, arrivals.go: the gate's cookies
//   - back.go, deeplink.go: ways back on this site
//   - format.go, problem.go: responses, as HTML or JSON
//
// It decides nothing: the gate says whether a session may pass, through
// Shared.Access.
package exchange
