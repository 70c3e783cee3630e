package storetest

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func TestMemory_KeepsTheContract(t *testing.T) {
	t.Parallel()
	RunVirtual(t, func(t testing.TB) store.Store {
		m := store.NewMemory()
		t.Cleanup(func() { _ = m.Close() })
		return m
	})
}
