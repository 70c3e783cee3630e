// Package proxy is a gate that puts an authentik sign-in before any net/http
// handler. A request meets the gate, which makes one decision about it. A visitor
// who must sign in makes a visit, which walks through authentik's challenges one
// step at a time, giving answers, until it becomes a session. Then the
// application sees a signed-in user in its request headers.
//
//	client, err := flowclient.New(flowclient.Config{URL: authentik})
//	…
//	gate, err := proxy.New(proxy.Config{Client: client, Store: proxy.NewMemory(), Key: key})
//	…
//	http.ListenAndServe(addr, gate.Wrap(application))
//
// It is not an identity provider and keeps no users: authentik decides who a
// visitor is and what they may use. It does not defend against the application
// itself, whose scripts share a host with the sign-in page.
//
// Begin with [New] and [Gate.Wrap], or with [Gate.Guard] for a handler that
// returns an error. [SessionFrom] returns the signed-in user of a request.
// [Gate.Operator] lists and ends sessions, and [Gate.Explain] explains a
// decision.
//
// # Files
//
//   - gate.go: New, Guard, Wrap and Close; build.go: how the internal packages
//     are put together
//   - routes.go: the gate's own addresses
//   - config.go, login.go, browser.go: the configuration and its defaults
//   - headers.go, clients.go, signon.go, rule.go: what the application gets, and
//     what it demands
//   - check.go, conflicts.go: the checks of the configuration
//   - group.go: several gates on one server
//   - explain.go, operator.go, session.go: decisions and sessions, for operators
//     and programs
//   - errors.go, metrics.go, store.go: failures, counters, and session stores
//
// # Internal packages
//
// From the bottom up; each says in its documentation what it is and what it does
// not know.
//
//   - user, background, cache, readiness, seal, headers, throttle, pictures and
//     page need no visitor
//   - copies: what authentik shows to every visitor
//   - session: the life of sessions
//   - devices: the cookies by which authentik recognizes a browser
//   - authn: who a visitor is
//   - exchange: one request at the gate
//   - access: whether a session may use the application
//   - reply, signin: a visit, step by step
//   - relay: authentik's own interface on this host
//   - signout: the end of sessions
//   - addresses: the gate's own addresses
//   - group: the gates on one server
//   - decision: every decision about a request
//   - upstream: the request that the application gets
//
// # Public packages
//
// Package fault has the codes of failures, package store the contract of session
// stores, package rules the rules for values of a configuration, package plex the
// client of Plex, and package sidecar a handler for other proxies.
package proxy
