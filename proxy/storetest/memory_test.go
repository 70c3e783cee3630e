package storetest

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	Run(t, func(t testing.TB) proxy.Store {
		m := proxy.NewMemory()
		t.Cleanup(func() { _ = m.Close() })
		return m
	})
}
