package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

//go:embed save.lua
var saveSource string

//go:embed delete.lua
var deleteSource string

//go:embed revoke.lua
var revokeSource string

var (
	saveScript   = goredis.NewScript(saveSource)
	deleteScript = goredis.NewScript(deleteSource)
	revokeScript = goredis.NewScript(revokeSource)
)

// Store is a [store.Store] and a [store.Counter] in Redis.
type Store struct {
	cfg      Config
	client   goredis.UniversalClient
	now      func() time.Time
	watchers watchers
	counts   counts
	asked    atomic.Bool // whether servers were checked for evicting keys
	close    func() error
}

// New makes a store. It does not connect: Redis may be down until it is used.
func New(cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Store{cfg: cfg, client: cfg.client(), now: time.Now, counts: newCounts()}
	s.watchers.run = s.subscriber().run
	s.close = sync.OnceValue(func() error {
		s.watchers.close()
		err := s.client.Close()
		s.counts.wait() // it fails without connections
		return err
	})
	return s, nil
}

// Close ends the subscription, waits for it, and closes the connections. It
// makes every watcher drop its cache once more. Every other call fails after
// it.
func (s *Store) Close() error { return s.close() }

// key returns the key of a name. Prefixes and names have no braces, so a
// cluster distributes keys by their whole text.
func (s *Store) key(name string) string { return s.cfg.Prefix + "session:" + name }

// channel returns the channel on which revoked names are published.
func (s *Store) channel() string { return s.cfg.Prefix + "ended" }

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, name string) (store.Record, bool, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, false, err
	}
	text, err := s.client.Get(ctx, s.key(name)).Result()
	if errors.Is(err, goredis.Nil) {
		return store.Record{}, false, nil
	}
	if err != nil {
		return store.Record{}, false, fmt.Errorf("redis: loading: %w", err)
	}
	r, found := decode(text)
	return r, found, nil
}

// Save implements store.Store. If its answer is lost, it is retried, and the
// second answer is the same as the first. Only if another writer has changed or
// deleted the record in between, the second answer is a conflict.
func (s *Store) Save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	read, left := string(r.Version), millis(r.Expiry.Sub(s.now()))
	r.Version = newVersion()
	saved, err := s.run(ctx, saveScript, s.key(name), read, string(r.Version), left, encode(r))
	switch {
	case err != nil:
		return "", fmt.Errorf("redis: saving: %w", err)
	case saved == 0:
		return "", store.ErrConflict
	case left == 0:
		return "", nil
	}
	return r.Version, nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if _, err := s.run(ctx, deleteScript, s.key(name)); err != nil {
		return fmt.Errorf("redis: deleting: %w", err)
	}
	return nil
}

// Revoke implements store.Store. It works even if the server is too full to
// save records.
func (s *Store) Revoke(ctx context.Context, name string, until time.Time) error {
	_, err := s.run(ctx, revokeScript, s.key(name), millis(until.Sub(s.now())), s.channel(), name)
	if err != nil {
		return fmt.Errorf("redis: revoking: %w", err)
	}
	return nil
}

// Revoked implements store.Store. All names on one server are read in one
// round trip.
func (s *Store) Revoked(ctx context.Context, names ...string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = s.key(name)
	}
	kinds, err := readKinds(ctx, s.client, keys)
	if err != nil {
		return false, fmt.Errorf("redis: looking for tombstones: %w", err)
	}
	for _, kind := range kinds {
		if kind == string(tombstoneKind) {
			return true, nil
		}
	}
	return false, nil
}

// readKinds returns the first letter of each key's value: empty if the key does
// not exist.
func readKinds(ctx context.Context, client goredis.UniversalClient, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	results := make([]*goredis.StringCmd, len(keys))
	_, err := client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		for i, key := range keys {
			results[i] = pipe.GetRange(ctx, key, 0, 0)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	kinds := make([]string, len(keys))
	for i, result := range results {
		kinds[i] = result.Val()
	}
	return kinds, nil
}

// run runs a script on a key. It sends the script's hash, or its text if the
// server does not have it yet.
func (s *Store) run(ctx context.Context, script *goredis.Script, key string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return script.Run(ctx, s.client, []string{key}, args...).Int64()
}

// Interface guards.
var (
	_ store.Store   = (*Store)(nil)
	_ store.Counter = (*Store)(nil)
)
