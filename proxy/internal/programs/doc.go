// Package programs knows who programs are that have no browser, such as clients of
// CalDAV, WebDAV and git. They show a credential with each request: a username and
// an app password, or an access token.
//
// A good credential stands for a session that is only in memory. Nothing of a
// credential is kept but a keyed hash, and nothing of it is logged.
//
//   - credential.go: what the header Authorization says
//   - name.go: the hash by which a credential is known again
//   - programs.go: what is known of a credential, and asking authentik
//   - basic.go, bearer.go: the two ways to ask
package programs
