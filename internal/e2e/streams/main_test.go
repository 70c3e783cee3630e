// Package streams tests WebSockets and event streams, which end with their session.
package streams

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
