package storetest

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	Run(t, func(t testing.TB) store.Store {
		m := store.NewMemory()
		t.Cleanup(func() { _ = m.Close() })
		return m
	})
}
