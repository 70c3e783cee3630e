// Package signin tests signing in on the gate's own pages: with and without scripts, over HTTP and HTTPS, in tabs, frames and histories, from mails, and by fetch.
package signin

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }
