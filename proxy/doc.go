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
// It is no identity provider and keeps no users: authentik decides who a visitor
// is and what they may use. It does not defend against the application itself,
// whose scripts share a host with the sign-in page.
//
// This package is the face of the gate:
//
//   - gate.go: New, Guard, Wrap and Close; build.go: the rooms put together
//   - routes.go: the gate's own addresses
//   - config.go, login.go, browser.go: the configuration and its defaults
//   - headers.go, clients.go, signon.go, rule.go: what the application gets, and what
//     it demands
//   - check.go, conflicts.go: the checks of the configuration
//   - group.go: gates beside each other
//   - explain.go, operator.go, session.go: decisions and sessions as operators and
//     programs see them
//   - errors.go, metrics.go, store.go: failures, counts, and where sessions are kept
//
// The rooms behind it are below internal, from the bottom up: user, background,
// cache, readiness, seal, headers, throttle, pictures and page; copies, what
// authentik shows to every visitor; session, the life of sessions; devices, what
// authentik remembers of a browser; authn, who a visitor is; exchange, one request
// at the gate; access, whether a session may use the application; reply and signin,
// a visit step by step; relay, authentik's own interface on this host; signout, the
// end; addresses, the gate's own; group, the gates on one server; decision, every
// decision about a request; upstream, the request that the application gets. Each
// says in its package documentation what it is and what it does not know.
//
// Public packages beside it: fault has the codes of failures, store the contract
// of session stores, rules those for values of a configuration, plex the client
// of Plex.
package proxy
