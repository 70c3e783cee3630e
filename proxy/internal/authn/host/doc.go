// Package host is the source of gates whose visitors sign in at a login host. A
// login host is a separate site in front of authentik, and browsers keep
// authentik's cookies there.
//
//   - source.go: rechecks and sign-outs of sessions that began there
//   - either.go: the same for gates with a sign-in page as well
//   - request.go: a gate's request to the login host, and the visit there
//   - ticket.go: the answer of the login host
//   - copy.go: the copy of authentik's cookies that sessions rest on
//   - seen.go: the sign-ins that the login host has seen
//   - member.go, register.go, stay.go: how login hosts and gates find each
//     other
//   - records.go: how these records are sealed and kept
//
// The login host itself is in package loginhost, and a gate's side of the
// sign-in is in package signin.
package host
