// Command caddy is Caddy with the authentik gate built in, and with a
// demonstration of it:
//
//	go run ./cmd/caddy authentik demo
//
// The demonstration brings a stand-in for authentik, which signs anybody in
// who knows a password that everybody knows. It is part of this command alone:
// a Caddy that users build has the gate from package caddymodule and nothing
// of it.
//
//   - command.go: the command line
//   - demo.go: what runs, from its start to its end
//   - accounts.go: whom one can sign in as, and how authentik is set up for it
//   - codes.go: what would come by message or from a phone
//   - app.go, app.html: the application behind the gate
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
)

func main() { caddycmd.Main() }
