// Package sidecar lets gates decide for sites that another proxy serves: nginx,
// Traefik, HAProxy, Envoy or another Caddy. That proxy asks about each request,
// describes it in headers of its own, and does what the answer says. It passes the
// gates' own addresses on to the sidecar, with the host of the site.
//
// The sidecar decides nothing. It makes the request that is described, has
// [proxy.Gate.Guard] decide about it, and says the result in the words of that
// proxy.
//
//   - sidecar.go: the handler, and its configuration
//   - peers.go: who may ask
//   - sites.go: which gate stands before a host
//   - dialect.go: how each proxy describes a request
//   - described.go: from a description to a request
//   - verdict.go: what the other proxy does with a request that passes
//   - refusal.go: how it is told that a request does not pass
package sidecar
