package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

//go:embed lease.lua
var leaseSource string

//go:embed release.lua
var releaseSource string

var (
	leasing   = goredis.NewScript(leaseSource)
	releasing = goredis.NewScript(releaseSource)
)

// releaseTime is how long it may take to give a lease back, whatever became of the
// context it was asked for with.
const releaseTime = 2 * time.Second

// Lease implements store.Store. A lease that could not be given back ends by itself.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	key, token := s.cfg.Prefix+"lease:"+name, rand.Text()
	got, err := s.run(ctx, leasing, key, token, max(1, millis(d)))
	if err != nil {
		return func() {}, false, fmt.Errorf("redis: leasing: %w", err)
	}
	if got == 0 {
		return func() {}, false, nil
	}
	return sync.OnceFunc(func() { s.release(context.WithoutCancel(ctx), key, token) }), true, nil
}

// release ends a lease, unless it has run out and is somebody else's by now.
func (s *Store) release(ctx context.Context, key, token string) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	if _, err := s.run(ctx, releasing, key, token); err != nil {
		s.cfg.Logger.WarnContext(ctx, "a lease could not be given back and lasts until it runs out", "error", err)
	}
}
