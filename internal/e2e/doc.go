// Package e2e tests the product as a whole: a built Caddy whose Caddyfile has
// the gate in one line, in front of a small application, with the stand-in for
// authentik behind it, driven by real Chromium. There is one package for each
// subject, so that a subject can be tested by itself:
//
//	go test ./internal/e2e/relay
//
// What they share is in internal/testsite, Chromium in internal/e2e/chromium, and a
// server of every page in internal/e2e/gallery. With -short they are skipped.
package e2e
