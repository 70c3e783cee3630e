// Package demo is the command "caddy authentik demo": a small application, the
// gate in front of it, and a stand-in for authentik, all in one process.
//
// The stand-in accepts a published password. Package main of cmd/caddy links
// this package; a Caddy that users build must not, which package rooms holds.
//
//   - command.go: the command line
//   - demo.go, address.go: what runs, from its start to its end, and on which ports
//   - domains.go: the same for two applications on two domains, and one sign-in
//   - accounts.go and accounts_*.go: the users, and how authentik is set up for them
//   - announce.go: what is printed at the start
//   - codes.go, phone.go: what would come by message or from a phone
//   - app.go, elsewhere.go: the application behind the gate, and all other sites
package demo
