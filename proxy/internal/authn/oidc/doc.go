// Package oidc is the source that identifies visitors by OpenID Connect. A
// visit begins and ends at authentik's authorize endpoint. authentik's session
// is held by the gate, or by the browser.
//
//   - source.go: the source, and rechecks of its sessions
//   - provider.go, keys.go: the provider's metadata, and its keys
//   - request.go: requests to the authorize endpoint, and its answers
//   - tokens.go: how tokens are redeemed and checked
//   - access.go, apppassword.go, introspect.go: the credentials of programs
//   - logout.go: revocation, logout notices and sign-out in the browser
package oidc
