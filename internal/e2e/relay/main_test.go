// Package relay tests signing in through authentik's pages on the application's host, and the stand-in's pages that such tests rely on.
package relay

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
