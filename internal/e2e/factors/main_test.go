// Package factors tests questions that a script of the page answers: passkeys, captchas, devices, and forms that lead to other sites.
package factors

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
