package caddymodule

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/caddymodule/storagestore"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

func init() {
	caddy.RegisterModule(Storage{})
}

// Storage keeps sessions in Caddy's own storage, as the global option storage
// says: the file system, or a storage that several Caddys share. They survive
// the end of the process, and several Caddys on one storage have the same.
type Storage struct {
	store *storagestore.Store
	key   any
}

// CaddyModule returns the Caddy module information.
func (Storage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  storesNamespace + ".storage",
		New: func() caddy.Module { return new(Storage) },
	}
}

// Provision takes the store of Caddy's storage, which all gates on it share. It asks
// nothing of the storage, which may be down when Caddy starts.
func (s *Storage) Provision(ctx caddy.Context) error {
	return s.take(ctx.Storage(), slog.New(currentLog{}))
}

func (s *Storage) take(storage certmagic.Storage, log *slog.Logger) error {
	key := storageOf(storage)
	kept, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		return storageStore{storagestore.New(storage, log)}, nil
	})
	if err != nil {
		return err
	}
	s.key = key
	shared, fits := kept.(storageStore)
	if !fits {
		return fmt.Errorf("sessions storage: a %T is in its place", kept)
	}
	s.store = shared.Store
	return nil
}

// Cleanup gives the store back. With the last gate that uses it ends what it does in the
// background; the sessions stay.
func (s *Storage) Cleanup() error {
	if s.key == nil {
		return nil
	}
	key := s.key
	s.store, s.key = nil, nil
	_, err := pool.Delete(key)
	return err
}

// Store returns the store. On the file system it can say how many records it has.
func (s *Storage) Store() proxy.Store {
	if key, is := s.key.(storageKey); is {
		if _, is := key.storage.(fileSystem); is {
			return countingStore{s.store}
		}
	}
	return s.store
}

// countingStore is a store where counting costs little. On others every scrape would
// list hundreds of directories over a network, at somebody's expense.
type countingStore struct{ *storagestore.Store }

// Count implements proxy.Counter.
func (c countingStore) Count(ctx context.Context, kind string) (int, error) {
	return c.Tally(ctx, kind)
}

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. There is nothing to set up:
//
//	sessions storage
func (s *Storage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() || d.NextBlock(0) {
		return d.Err("sessions storage has no options; which storage it is, Caddy's global option storage says")
	}
	return nil
}

// storageKey is the place of the store on one storage in the pool.
type storageKey struct{ storage any }

// fileSystem is a storage that is known by its directory.
type fileSystem string

// storageStore is a store on Caddy's storage in the pool.
type storageStore struct{ *storagestore.Store }

// Destruct ends what the store does in the background.
func (s storageStore) Destruct() error { return s.Close() }

// storageOf tells storages apart. Directories on the file system are known
// again after a reload of the configuration. Of others only the value is known: Caddy may
// close the old one with the old configuration, and a store must not use it longer
// than that. Its sessions are in the storage, and the next store finds them there.
func storageOf(storage certmagic.Storage) storageKey {
	if files, ok := storage.(*certmagic.FileStorage); ok {
		return storageKey{fileSystem(filepath.Clean(files.Path))}
	}
	if !reflect.TypeOf(storage).Comparable() {
		return storageKey{new(byte)} // nobody shares it
	}
	return storageKey{storage}
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Storage)(nil)
	_ caddy.CleanerUpper    = (*Storage)(nil)
	_ caddyfile.Unmarshaler = (*Storage)(nil)
	_ StoreProvider         = (*Storage)(nil)
	_ proxy.Counter         = countingStore{}
)
