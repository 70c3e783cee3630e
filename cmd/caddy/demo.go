//go:build !nodemo

package main

import _ "github.com/flowsidecar/caddy-authentik/internal/demo" // the command demo
