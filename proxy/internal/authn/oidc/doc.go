// Package oidc is the source that identifies visitors by OpenID Connect. A
// visit begins and ends at authentik's authorize endpoint, in one session of
// authentik that the gate holds, or in one that the browser holds.
//
//   - source.go: the source, and rechecks of its sessions
//   - provider.go, keys.go: the provider's metadata, and its keys
//   - request.go: requests to the authorize endpoint, and its answers
//   - tokens.go: tokens redeemed and checked
//   - logout.go: tokens revoked, logout notices and sign-out in the browser
package oidc
