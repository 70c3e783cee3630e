// Command container is Caddy with the gate, as the Dockerfile beside it builds it.
// Unlike cmd/caddy it has no demonstration, and no stand-in for authentik.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
)

func main() { caddycmd.Main() }
