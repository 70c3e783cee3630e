package caddymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"
)

// keyName is the name of the gate's key in Caddy's storage. All gates with one
// storage have the same key.
const keyName = "authentik/key"

// keyLock keeps two processes with one storage from creating a key each.
const keyLock = "authentik_key"

// keySize is the number of random bytes in a key.
const keySize = 32

// keyTimeout bounds how long the storage may take.
const keyTimeout = 30 * time.Second

// A keyStorage is what the key needs of Caddy's storage.
type keyStorage interface {
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
}

// loadOrCreateKey returns the key in the storage, and creates one if there is
// none. It fails if the storage fails: with a key of its own this process would
// end every session of the others, and all of its own with the next start.
func loadOrCreateKey(ctx context.Context, s keyStorage, log *slog.Logger) (key []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	if key, err = loadKey(ctx, s); key != nil || err != nil {
		return key, err
	}
	if err = s.Lock(ctx, keyLock); err != nil {
		return nil, fmt.Errorf("locking Caddy's storage for the gate's key: %w", err)
	}
	defer func() { err = errors.Join(err, s.Unlock(context.WithoutCancel(ctx), keyLock)) }()
	if key, err = loadKey(ctx, s); key != nil || err != nil {
		return key, err
	}
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, see its documentation
	if err = s.Store(ctx, keyName, key); err != nil {
		return nil, fmt.Errorf("storing the gate's key in Caddy's storage: %w; repair the storage, or write a key of your own", err)
	}
	log.Info("gate's key: created in Caddy's storage", "storage_key", keyName)
	return key, nil
}

// loadKey returns the key in the storage, or nil if there is none.
func loadKey(ctx context.Context, s keyStorage) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	key, err := s.Load(ctx, keyName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("loading the gate's key from Caddy's storage: %w; repair the storage, or write a key of your own", err)
	case len(key) != keySize:
		return nil, fmt.Errorf("the gate's key in Caddy's storage (%s) has %d bytes and not %d; restore it, or delete it, which ends all sessions",
			keyName, len(key), keySize)
	}
	return key, nil
}
