package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// storesNamespace is where modules for stores of sessions register.
const storesNamespace = "http.handlers.authentik.sessions"

// A StoreProvider is a module in http.handlers.authentik.sessions. Its store is
// asked for once, after the module was provisioned, and used until the module
// is cleaned up. What it keeps must outlive a reload of the configuration:
// Caddy provisions the new modules before it cleans up the old ones.
type StoreProvider interface {
	Store() proxy.Store
}

func init() {
	caddy.RegisterModule(Memory{})
}

// Memory keeps sessions in the memory of this process. They survive a reload
// of the configuration, and end with the process.
type Memory struct {
	store proxy.Store
}

// CaddyModule returns the Caddy module information.
func (Memory) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  storesNamespace + ".memory",
		New: func() caddy.Module { return new(Memory) },
	}
}

// Provision takes the store that all gates of the process share. What belongs
// to one is nothing to another: records are named and sealed by realm.
func (m *Memory) Provision(caddy.Context) error {
	kept, _, err := pool.LoadOrNew(memoryKey{}, func() (caddy.Destructor, error) {
		return memoryStore{proxy.NewMemory()}, nil
	})
	if err != nil {
		return err
	}
	shared, fits := kept.(memoryStore)
	if !fits {
		return fmt.Errorf("sessions memory: a %T is in its place", kept)
	}
	m.store = shared.Memory
	return nil
}

// Cleanup gives the store back, which ends with the last gate that uses it.
func (m *Memory) Cleanup() error {
	if m.store == nil {
		return nil
	}
	m.store = nil
	_, err := pool.Delete(memoryKey{})
	return err
}

// Store returns the store.
func (m *Memory) Store() proxy.Store { return m.store }

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. There is nothing to set up:
//
//	sessions memory
func (m *Memory) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() || d.NextBlock(0) {
		return d.Err("sessions memory has no options; leave out what follows")
	}
	return nil
}

// unknownStore says what to write instead of a store that there is not.
func unknownStore(name string) error {
	var names []string
	for _, m := range caddy.GetModules(storesNamespace) {
		names = append(names, m.ID.Name())
	}
	hint := meant(name, names)
	if hint == "" {
		hint = "; there are: " + strings.Join(names, ", ")
	}
	return fmt.Errorf("unrecognized store %q%s", name, hint)
}

// store loads the module that keeps the sessions, and returns its name too.
func (h *Handler) store(ctx caddy.Context) (proxy.Store, string, error) {
	if h.SessionsRaw == nil {
		h.SessionsRaw = []byte(`{"store": "storage"}`)
	}
	guest, err := ctx.LoadModule(h, "SessionsRaw")
	if err != nil {
		return nil, "", fmt.Errorf("sessions: %w", err)
	}
	provider, fits := guest.(StoreProvider)
	module, isModule := guest.(caddy.Module)
	if !fits || !isModule {
		return nil, "", errors.New("sessions: this module is no store of sessions")
	}
	return provider.Store(), module.CaddyModule().ID.Name(), nil
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Memory)(nil)
	_ caddy.CleanerUpper    = (*Memory)(nil)
	_ caddyfile.Unmarshaler = (*Memory)(nil)
	_ StoreProvider         = (*Memory)(nil)
)
