// Package gatekey keeps the gate's key in Caddy's storage. All encryption keys
// are derived from it. It is created once, with the first request, and written
// again if the storage loses it.
package gatekey

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"
)

// storageKey is the name of the gate's key in Caddy's storage. All gates with
// one storage have the same key.
const storageKey = "authentik/key"

// lockName is the name of the lock that keeps two processes with one storage
// from creating a key each.
const lockName = "authentik_key"

// Size is the number of random bytes in a key.
const Size = 32

// timeout is the timeout for the storage.
const timeout = 30 * time.Second

// A Storage has the methods of Caddy's storage that this package needs.
type Storage interface {
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
}

// LoadOrCreate returns the key in the storage, and creates one if there is
// none. It fails if the storage fails: with a separate key this process would
// end every session of the others, and with its next start all of its own.
func LoadOrCreate(ctx context.Context, s Storage, log *slog.Logger) (key []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if key, err = Load(ctx, s); key != nil || err != nil {
		return key, err
	}
	if err = s.Lock(ctx, lockName); err != nil {
		return nil, fmt.Errorf("locking Caddy's storage for the gate's key: %w", err)
	}
	defer func() { err = errors.Join(err, s.Unlock(context.WithoutCancel(ctx), lockName)) }()
	if key, err = Load(ctx, s); key != nil || err != nil {
		return key, err
	}
	key = make([]byte, Size)
	_, _ = rand.Read(key) // never fails, see its documentation
	if err = s.Store(ctx, storageKey, key); err != nil {
		return nil, fmt.Errorf("storing the gate's key in Caddy's storage: %w; repair the storage, or write a key of your own", err)
	}
	log.Info("gate's key: created in Caddy's storage", "storage_key", storageKey)
	return key, nil
}

// Load returns the key in the storage, or nil if the storage has no key.
func Load(ctx context.Context, s Storage) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	key, err := s.Load(ctx, storageKey)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("loading the gate's key from Caddy's storage: %w; repair the storage, or write a key of your own", err)
	case len(key) != Size:
		return nil, damagedError(len(key))
	}
	return key, nil
}

// A damagedError is the length of a file that can be no key.
type damagedError int

func (e damagedError) Error() string {
	return fmt.Sprintf("the gate's key in Caddy's storage (%s) has %d bytes and not %d; restore it, or delete it, which ends all sessions",
		storageKey, int(e), Size)
}

// loadIntact is Load, and returns nil for a damaged key as well.
func loadIntact(ctx context.Context, s Storage) ([]byte, error) {
	key, err := Load(ctx, s)
	if _, damaged := errors.AsType[damagedError](err); damaged {
		return nil, nil
	}
	return key, err
}

// checkEvery is how often Keep checks the key in the storage.
const checkEvery = 10 * time.Second

// Keep writes the key again whenever the storage has lost or damaged it, until
// the context is done. A storage can be emptied while Caddy runs. The next Caddy
// would then create another key, with which no session opens; with a damaged one
// it would not start.
func Keep(ctx context.Context, s Storage, key []byte, log *slog.Logger) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	differs := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		kept, err := loadIntact(ctx, s)
		switch {
		case err != nil: // the storage is down
		case kept == nil:
			restore(ctx, s, key, log)
		case !differs && subtle.ConstantTimeCompare(kept, key) == 0:
			differs = true
			log.Error("gate's key: another one is in Caddy's storage; Caddys with different keys end each other's sessions, "+
				"and a restart ends those of this one", "storage_key", storageKey)
		}
	}
}

// restore writes the key into a storage without one, or with a damaged one.
func restore(ctx context.Context, s Storage, key []byte, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := s.Lock(ctx, lockName)
	if err == nil {
		defer func() { _ = s.Unlock(context.WithoutCancel(ctx), lockName) }() // its file may have been deleted with the others
		var kept []byte
		if kept, err = loadIntact(ctx, s); err != nil || kept != nil {
			return // another Caddy was first
		}
		err = s.Store(ctx, storageKey, key)
	}
	if err != nil {
		log.Error("gate's key: lost in Caddy's storage, and cannot be written again", "storage_key", storageKey, "error", err)
		return
	}
	log.Warn("gate's key: lost in Caddy's storage, written again", "storage_key", storageKey)
}
