// Package memory is the Caddy module that keeps sessions in the memory of the
// process:
//
//	authentik https://auth.example.com {
//		sessions memory
//	}
package memory

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func init() { caddy.RegisterModule(Module{}) }

// Module keeps sessions in the memory of this process. They survive a reload
// of the configuration, and end with the process.
type Module struct {
	store   *store.Memory
	hold    func() (release func() error)
	release func() error
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: shared.Stores + ".memory", New: func() caddy.Module { return new(Module) }}
}

// key is the key of the only store in the pool.
type key struct{}

// pooled is the store as the pool holds it.
type pooled struct{ *store.Memory }

// Destruct closes the store.
func (p pooled) Destruct() error { return p.Close() }

// Provision takes the store that all gates of the process share. They do not
// see each other's sessions: records are named and sealed by realm.
func (m *Module) Provision(caddy.Context) error {
	taken, release, err := shared.Take(key{}, func() (pooled, error) { return pooled{store.NewMemory()}, nil })
	if err != nil {
		return err
	}
	m.store, m.hold = taken.Memory, shared.Divide(release)
	m.release = m.hold()
	return nil
}

// Cleanup releases the store. The last gate to do so closes it.
func (m *Module) Cleanup() error {
	if m.release == nil {
		return nil
	}
	return m.release()
}

// Hold keeps the store open until release is called.
func (m *Module) Hold() (release func() error) { return m.hold() }

// Store returns the store.
func (m *Module) Store() store.Store { return m.store }

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. It has no
// options:
//
//	sessions memory
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() || d.NextBlock(0) {
		return d.Err("sessions memory has no options; leave out what follows")
	}
	return nil
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddy.CleanerUpper    = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
)
