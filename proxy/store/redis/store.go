package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
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
	saving   = goredis.NewScript(saveSource)
	deleting = goredis.NewScript(deleteSource)
	revoking = goredis.NewScript(revokeSource)
)

// Store is a [store.Store] in Redis.
type Store struct {
	cfg      Config
	client   goredis.UniversalClient
	now      func() time.Time
	watchers watchers
	census   census
	evicting sync.Once
	close    func() error
}

// New makes a store. It does not connect: Redis may be down, and comes when it comes.
func New(cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.settled()
	s := &Store{cfg: cfg, client: cfg.client(), now: time.Now}
	s.watchers.listen = s.ear().listen
	s.close = sync.OnceValue(func() error {
		s.watchers.close()
		return s.client.Close()
	})
	return s, nil
}

// Close closes the connections. Who watches is told to believe nothing more, and every
// other call fails from then on.
func (s *Store) Close() error { return s.close() }

// key is where everything about a name is. It must not be hashed by a part of itself in a cluster,
// which names and prefixes without braces see to.
func (s *Store) key(name string) string { return s.cfg.Prefix + "session:" + name }

// channel is where burials are published.
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

// Save implements store.Store. If its answer is lost it is tried again, and
// the second answer is the same as the first. Only if the record was changed or forgotten
// by somebody else in between, that is a conflict.
func (s *Store) Save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	read, left := string(r.Version), millis(r.Expiry.Sub(s.now()))
	r.Version = newVersion()
	saved, err := s.run(ctx, saving, s.key(name), read, string(r.Version), left, encode(r))
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
	if _, err := s.run(ctx, deleting, s.key(name)); err != nil {
		return fmt.Errorf("redis: deleting: %w", err)
	}
	return nil
}

// Revoke implements store.Store. It works also where the server is too full for anything else.
func (s *Store) Revoke(ctx context.Context, name string, until time.Time) error {
	_, err := s.run(ctx, revoking, s.key(name), millis(until.Sub(s.now())), s.channel(), name)
	if err != nil {
		return fmt.Errorf("redis: burying: %w", err)
	}
	return nil
}

// Revoked implements store.Store. The names of one server are asked for in one go.
func (s *Store) Revoked(ctx context.Context, names ...string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if len(names) == 0 {
		return false, nil
	}
	kinds, err := s.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		for _, name := range names {
			pipe.GetRange(ctx, s.key(name), 0, 0)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("redis: looking for the buried: %w", err)
	}
	for _, kind := range kinds {
		if kind, is := kind.(*goredis.StringCmd); is && kind.Val() == string(buriedKind) {
			return true, nil
		}
	}
	return false, nil
}

// run runs a script on a key, by its hash, or with its text where the server does not know it yet.
func (s *Store) run(ctx context.Context, script *goredis.Script, key string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return script.Run(ctx, s.client, []string{key}, args...).Int64()
}

// Interface guard.
var _ store.Store = (*Store)(nil)
