// Package oidc tests signing in at authentik's own pages by OpenID Connect, with another provider, and with a second factor that a route demands.
package oidc

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
