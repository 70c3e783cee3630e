// Package look tests how the pages look: whether people with disabilities can use
// them, and whether something moves while they load.
package look

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
