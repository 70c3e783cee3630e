package proxy

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// silentAuthentik has an address and answers nothing.
type silentAuthentik struct{ Authentik }

func (silentAuthentik) Root() string                    { return "https://auth.example.com/" }
func (silentAuthentik) PublicURL(string) (string, bool) { return "https://auth.example.com/", true }

// TestGate_NoGoroutineIsLeftAfterClose: a server makes a new gate with every
// reload. synctest fails if a goroutine of the bubble never ends.
func TestGate_NoGoroutineIsLeftAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 10 {
			g, err := New(Config{
				Client: silentAuthentik{}, Store: newStore(t), Key: bytes.Repeat([]byte("k"), seal.MinKey),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
