// Package programs identifies programs without a browser, such as clients of
// CalDAV, WebDAV and git. They show a credential with each request: a username
// and an app password, or an access token.
//
// A valid credential has a session that is only in memory. Of the credential
// only a keyed hash is kept, and it is never logged.
//
//   - credential.go: what the header Authorization says
//   - name.go: the hash by which a credential is recognized
//   - programs.go: what is known about a credential, and asking authentik
//   - basic.go, bearer.go: the two ways to ask
package programs
