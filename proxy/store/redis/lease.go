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
	leaseScript   = goredis.NewScript(leaseSource)
	releaseScript = goredis.NewScript(releaseSource)
)

// releaseTimeout is the timeout for releasing a lease, even if the caller's
// context is done.
const releaseTimeout = 2 * time.Second

// Lease implements store.Store. A lease that could not be released expires.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	key, token := s.cfg.Prefix+"lease:"+name, rand.Text()
	got, err := s.run(ctx, leaseScript, key, token, max(1, millis(d)))
	if err != nil {
		return func() {}, false, fmt.Errorf("redis: leasing: %w", err)
	}
	if got == 0 {
		return func() {}, false, nil
	}
	return sync.OnceFunc(func() { s.release(context.WithoutCancel(ctx), key, token) }), true, nil
}

// release ends a lease, unless it has expired and another caller has it now.
func (s *Store) release(ctx context.Context, key, token string) {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	if _, err := s.run(ctx, releaseScript, key, token); err != nil {
		s.cfg.Logger.WarnContext(ctx, "session store: lease was not released and stays until it expires", "error", err)
	}
}
