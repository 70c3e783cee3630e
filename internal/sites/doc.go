// Package sites finds kinds of faults that no other test looks for. Its test
// puts random sites before an application that writes down what it gets: one to
// four gates with random options on one or two hosts of a whole Caddy, beside
// the stand-in for authentik. Several browsers then make random requests, with
// sign-ins, sign-outs and ends of sessions between them. Whatever happens:
//
//   - nothing closed reaches the application without a session of the right gate,
//   - the application is told exactly who the session's user is,
//   - no cookie of a gate reaches it,
//   - no chain of redirects is longer than ten,
//   - a session that has ended opens nothing, and its streams end,
//   - only members of its group get an explanation, only the browser may keep what is
//     for one user, and no credential of a program reaches the application.
//
// A failure prints the seed, the Caddyfile, and the shortest list of steps that
// still fails. It happens again with
//
//	go test ./internal/sites -seed <seed> -sites 1
//
// and a long search is
//
//	go test ./internal/sites -timeout 0 -for 8h
package sites
