// Package store shows what a store of sessions of one's own takes: a type that
// keeps to the contract of proxy.Store, a module of Caddy in the namespace
// http.handlers.authentik.sessions that hands it out, and one test. A Caddy is built with it
// beside the gate:
//
//	xcaddy build --with github.com/flowsidecar/caddy-authentik/caddymodule --with example.com/shelf
//
// and a site names it:
//
//	authentik https://auth.example.com {
//		sessions shelf upper
//	}
//
// What it keeps is in memory, so the example is short: a store for others does the
// same with a database. The contract says what has to happen at once, and what
// each edge means; storetest tries it.
package store

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

func init() { caddy.RegisterModule(Shelf{}) }

// Shelf keeps sessions on one of several shelves. Gates that name the same shelf share its sessions.
type Shelf struct {
	// The name of the shelf. Required.
	Name string `json:"name"`

	store *store
}

// CaddyModule returns the Caddy module information.
func (Shelf) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.authentik.sessions.shelf", New: func() caddy.Module { return new(Shelf) }}
}

// shelves outlive a reload of the configuration: Caddy makes the new modules before it cleans up
// the old ones, so the pool never empties in between.
var shelves = caddy.NewUsagePool()

// Provision takes the shelf of that name, or puts one up.
func (s *Shelf) Provision(caddy.Context) error {
	kept, _, err := shelves.LoadOrNew(s.Name, func() (caddy.Destructor, error) { return &store{memory: proxy.NewMemory()}, nil })
	if err != nil {
		return err
	}
	s.store, _ = kept.(*store)
	return nil
}

// Cleanup gives the shelf back. It goes with the last gate that uses it.
func (s *Shelf) Cleanup() error {
	if s.store == nil {
		return nil
	}
	s.store = nil
	_, err := shelves.Delete(s.Name)
	return err
}

// Store hands the store to the gate.
func (s *Shelf) Store() proxy.Store { return s.store }

// UnmarshalCaddyfile reads:
//
//	sessions shelf <name>
func (s *Shelf) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&s.Name) {
		return d.Err("sessions shelf takes one name; write sessions shelf upper")
	}
	return nil
}

// A store is the seven methods of the contract. What stands in a database's place
// here is a store of the gate's own.
type store struct{ memory *proxy.Memory }

// Destruct ends what the store does in the background.
func (s *store) Destruct() error { return s.memory.Close() }

// Load finds a record that is neither over nor buried.
func (s *store) Load(ctx context.Context, name string) (proxy.Record, bool, error) {
	return s.memory.Load(ctx, name)
}

// Save changes a record for whoever has read its present version: in SQL, an UPDATE whose
// WHERE names the version, and an error where no row was met.
func (s *store) Save(ctx context.Context, name string, r proxy.Record) (proxy.Version, error) {
	return s.memory.Save(ctx, name, r)
}

// Delete forgets a record.
func (s *store) Delete(ctx context.Context, name string) error { return s.memory.Delete(ctx, name) }

// Revoke ends a name for good, in every process, and tells those who watch.
func (s *store) Revoke(ctx context.Context, name string, until time.Time) error {
	return s.memory.Revoke(ctx, name, until)
}

// Revoked looks for ends that have come.
func (s *store) Revoked(ctx context.Context, names ...string) (bool, error) {
	return s.memory.Revoked(ctx, names...)
}

// Lease gives a piece of work to one process alone.
func (s *store) Lease(ctx context.Context, name string, d time.Duration) (func(), bool, error) {
	return s.memory.Lease(ctx, name, d)
}

// Watch tells of every burial, by whichever process, within two seconds.
func (s *store) Watch(ctx context.Context, ended func(string)) error {
	return s.memory.Watch(ctx, ended)
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Shelf)(nil)
	_ caddy.CleanerUpper    = (*Shelf)(nil)
	_ caddyfile.Unmarshaler = (*Shelf)(nil)
	_ proxy.Store           = (*store)(nil)
)
