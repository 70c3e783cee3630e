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

// keyName is where Caddy's storage keeps the gate's key; all gates on one
// storage have the same.
const keyName = "authentik/key"

// keyLock keeps two processes on one storage from each making a key.
const keyLock = "authentik_key"

// keySize is how many random bytes a key has.
const keySize = 32

// keyWait is how long the storage may take.
const keyWait = 30 * time.Second

// A vault is what the key needs of Caddy's storage.
type vault interface {
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
}

// keep returns the key that v keeps, and makes one if it keeps none. A vault
// that fails is an error: with a key of its own this process would end every
// session that another one has given, and its own at the next start.
func keep(ctx context.Context, v vault, log *slog.Logger) (key []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, keyWait)
	defer cancel()
	if key, err = load(ctx, v); key != nil || err != nil {
		return key, err
	}
	if err = v.Lock(ctx, keyLock); err != nil {
		return nil, fmt.Errorf("locking Caddy's storage for the gate's key: %w", err)
	}
	defer func() { err = errors.Join(err, v.Unlock(context.WithoutCancel(ctx), keyLock)) }()
	if key, err = load(ctx, v); key != nil || err != nil {
		return key, err
	}
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, see its documentation
	if err = v.Store(ctx, keyName, key); err != nil {
		return nil, fmt.Errorf("keeping the gate's key in Caddy's storage: %w; mend the storage, or write a key of your own", err)
	}
	log.Info("made the gate's key and kept it in Caddy's storage", "storage_key", keyName)
	return key, nil
}

// load returns the key, or none if there is none yet.
func load(ctx context.Context, v vault) ([]byte, error) {
	key, err := v.Load(ctx, keyName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("loading the gate's key from Caddy's storage: %w; mend the storage, or write a key of your own", err)
	case len(key) != keySize:
		return nil, fmt.Errorf("the gate's key in Caddy's storage (%s) has %d bytes and not %d; put the right one back, or delete it, which ends all sessions",
			keyName, len(key), keySize)
	}
	return key, nil
}
