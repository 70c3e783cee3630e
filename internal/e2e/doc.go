// Package e2e tests the product as a whole: a built Caddy whose Caddyfile has
// the gate in one line, in front of a small application, with the stand-in for
// authentik behind it, driven by real Chromium. It is tests and nothing else;
// go test -short leaves them out.
//
// Without Chromium on the machine its tests are skipped, unless the variable CI
// is set: there they fail. CHROMIUM names the program where it is not found by
// itself.
package e2e
