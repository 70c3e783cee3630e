// Package sidecar lets gates decide for sites that another proxy serves: nginx,
// Traefik, HAProxy, Envoy or another Caddy. That proxy asks about each request,
// describes it in headers, and acts on the answer. Requests for the gates' own
// addresses it passes on to the sidecar, with the host of the site.
//
// The sidecar decides nothing. It makes the described request, lets
// [proxy.Gate.Guard] decide about it, and returns the result in the form that
// the proxy expects.
//
//   - sidecar.go: the handler, and its configuration
//   - peers.go: which proxies may ask
//   - sites.go: which gate guards a host
//   - dialect.go: how each proxy describes a request
//   - described.go: from a description to a request
//   - verdict.go: what the other proxy changes in a request that passes
//   - refusal.go: how the proxy is told that a request does not pass
//   - explain.go: why a request passes or not
package sidecar
