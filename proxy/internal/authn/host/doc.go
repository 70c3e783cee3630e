// Package host is the source of gates whose visitors sign in at a login host: a
// separate site, behind which authentik is, and where browsers have authentik's
// cookies.
//
//   - source.go: rechecks and sign-outs of sessions that began there
//   - either.go: the same for gates with a sign-in page as well
//   - request.go: what a gate asks the login host for, and the visit there
//   - ticket.go: what the login host answers with
//   - copy.go: the copy of authentik's cookies that sessions rest on
//   - seen.go: the sign-ins that the login host has seen
//   - register.go: which login hosts and gates there are
//   - records.go: how all these are sealed and kept
//
// The login host itself is in package loginhost, and a gate's side of the sign-in
// in package signin.
package host
