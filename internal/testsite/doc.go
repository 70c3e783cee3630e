// Package testsite is what tests of the whole product share: the stand-in for
// authentik with its users, an application that records what reaches it, a
// browser without scripts, a clock that can be moved, one way to wait for
// something, and a built Caddy with the gate in its Caddyfile.
//
// It imports nothing of package proxy, so that the tests of every package can
// use it. A gate inside the test's own process is in internal/testsite/inprocess,
// and Chromium in internal/e2e/chromium.
package testsite
