//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"errors"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func init() { caddy.RegisterModule(Module{}) }

// Module keeps sessions as files in a directory. Gates on the same directory
// share its sessions.
type Module struct {
	// The directory, which only Caddy's user should be able to read. It is
	// created when it is first used. Required.
	Path string `json:"path"`

	store *Store
}

// CaddyModule returns the Caddy module information. The gate loads modules in
// this namespace, with the last part of the ID as the name of the store.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.authentik.sessions.directory", New: func() caddy.Module { return new(Module) }}
}

// stores outlive a reload of the configuration: Caddy provisions the new
// modules before it cleans up the old ones, so that a store passes from one
// configuration to the next. For this store, which has its state in files, it
// saves a sweeper; a store with connections or a cache needs it.
var stores = caddy.NewUsagePool()

// pooled is a store as the pool holds it.
type pooled struct{ *Store }

// Destruct closes the store when no module uses it any more.
func (p pooled) Destruct() error { return p.Close() }

// Provision takes the store of the directory.
func (m *Module) Provision(caddy.Context) error {
	if m.Path == "" {
		return errors.New("sessions directory: path is missing; write sessions directory /var/lib/caddy/sessions")
	}
	m.Path = filepath.Clean(m.Path)
	kept, _, err := stores.LoadOrNew(m.Path, func() (caddy.Destructor, error) { return pooled{New(m.Path)}, nil })
	if err != nil {
		return err
	}
	m.store = kept.(pooled).Store //nolint:forcetypeassert // nothing else is in this pool
	return nil
}

// Cleanup gives the store back. Caddy calls it also after Provision has failed.
func (m *Module) Cleanup() error {
	if m.store == nil {
		return nil
	}
	m.store = nil
	_, err := stores.Delete(m.Path)
	return err
}

// Store hands the store to the gate, which calls it once after Provision. This
// method is all that makes a module a store of sessions.
func (m *Module) Store() store.Store { return m.store }

// UnmarshalCaddyfile reads:
//
//	sessions directory <path>
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&m.Path) || d.NextBlock(0) {
		return d.Err("sessions directory takes one path; write sessions directory /var/lib/caddy/sessions")
	}
	return nil
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddy.CleanerUpper    = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
)
