// Command caddy is Caddy with the authentik gate and its demonstration:
//
//	go run ./cmd/caddy authentik demo
//
// The demonstration contains a stand-in for authentik that accepts a published
// password. It is linked with this command only, and not with the build tag nodemo,
// by which releases are built. A Caddy that users build has package caddymodule and
// no part of the demonstration.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
)

func main() { caddycmd.Main() }
