// Package storage is the Caddy module that keeps sessions in Caddy's own
// storage, which is the default:
//
//	authentik https://auth.example.com {
//		sessions storage
//	}
//
// The store itself is package storagestore, which does not depend on Caddy.
package storage

import (
	"context"
	"log/slog"
	"path/filepath"
	"reflect"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/caddymodule/sessions/storage/storagestore"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func init() { caddy.RegisterModule(Module{}) }

// Module keeps sessions in Caddy's own storage, as the global option storage
// says: the file system, or a storage that several Caddys share. They survive
// the end of the process, and several Caddys with one storage share them.
type Module struct {
	store   store.Store
	hold    func() (release func() error)
	release func() error
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: shared.Stores + ".storage", New: func() caddy.Module { return new(Module) }}
}

// pooled is a store as the pool holds it.
type pooled struct{ *storagestore.Store }

// Destruct closes the store.
func (p pooled) Destruct() error { return p.Close() }

// Provision takes the store that all gates on one storage share. It does not
// call the storage, which may be down when Caddy starts.
func (m *Module) Provision(ctx caddy.Context) error { return m.take(ctx.Storage(), shared.Log()) }

func (m *Module) take(storage certmagic.Storage, log *slog.Logger) error {
	key := keyOf(storage)
	taken, release, err := shared.Take(key, func() (pooled, error) { return pooled{storagestore.New(creating(storage), log)}, nil })
	if err != nil {
		return err
	}
	m.store, m.hold = taken.Store, shared.Divide(release)
	m.release = m.hold()
	if key.isFileSystem() {
		m.store = countingStore(taken)
	}
	return nil
}

// creating returns the storage as one that writes new entries without a lock, if
// it is the file system's.
func creating(storage certmagic.Storage) storagestore.Storage {
	if files, ok := storage.(*certmagic.FileStorage); ok {
		return storagestore.Files{Storage: files, Path: files.Path}
	}
	return storage
}

// Cleanup releases the store. The last gate to do so closes it; the sessions
// stay.
func (m *Module) Cleanup() error {
	if m.release == nil {
		return nil
	}
	return m.release()
}

// Hold keeps the store open until release is called.
func (m *Module) Hold() (release func() error) { return m.hold() }

// Store returns the store. On the file system it is a Counter.
func (m *Module) Store() store.Store { return m.store }

// A countingStore is a store that counts cheaply. On other storages every
// scrape would list hundreds of directories over a network, which may cost
// money.
type countingStore struct{ *storagestore.Store }

// Count implements store.Counter.
func (c countingStore) Count(ctx context.Context, kind string) (int, error) {
	return c.CountRecords(ctx, kind)
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. It has no
// options:
//
//	sessions storage
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() || d.NextBlock(0) {
		return d.Err("sessions storage has no options; which storage it is, Caddy's global option storage says")
	}
	return nil
}

// A storageKey identifies the storage of a store in the pool.
type storageKey struct{ storage any }

// A directory identifies the file system's storage.
type directory string

// keyOf distinguishes storages. A directory on the file system is recognized
// after a reload of the configuration. Any other storage is recognized only by
// its value: Caddy may close the old one with the old configuration, and then
// no store may use it. Its sessions are in the storage, where the next store
// finds them.
func keyOf(storage certmagic.Storage) storageKey {
	if files, ok := storage.(*certmagic.FileStorage); ok {
		return storageKey{directory(filepath.Clean(files.Path))}
	}
	if !reflect.TypeOf(storage).Comparable() {
		return storageKey{new(byte)} // a key of its own, which no other gate shares
	}
	return storageKey{storage}
}

func (k storageKey) isFileSystem() bool {
	_, is := k.storage.(directory)
	return is
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddy.CleanerUpper    = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
	_ store.Counter         = countingStore{}
)
