// Package programs identifies programs without a browser, such as clients of
// CalDAV, WebDAV and git. They show a credential with each request: a username
// and an app password, or an access token.
//
// A valid credential has a session that is only in memory. Only a keyed hash of
// the credential is kept, and the credential is never logged.
//
//   - credential.go: the content of the header Authorization
//   - name.go: the hash by which a credential is recognized
//   - programs.go: what is known about a credential, and asking authentik
//   - basic.go, bearer.go: the ways to ask
//   - end.go: how sessions of credentials end
package programs
