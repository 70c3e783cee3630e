// Package demo is the command "caddy authentik demo": a small application, the
// gate in front of it, and a stand-in for authentik, all in one process.
//
// The stand-in accepts a published password. Package main of cmd/caddy links
// this package; a Caddy that users build must not, which package rooms checks.
//
//   - command.go: the command line
//   - demo.go, address.go: what runs, from its start to its end, and on which
//     ports
//   - domains.go: the same for two applications on two domains, with one
//     sign-in
//   - accounts.go and accounts_*.go: the users, and authentik's configuration
//     for them
//   - announce.go: the text that is printed at the start
//   - codes.go, phone.go: messages and codes, and a phone with the app of Duo
//   - app.go, elsewhere.go: the application behind the gate, and all other
//     sites
package demo
