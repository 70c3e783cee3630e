// Package loginhost tests one sign-in for several domains, at authentik's own pages at a login host.
package loginhost

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
