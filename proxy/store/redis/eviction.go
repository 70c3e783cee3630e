package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// warnOfEviction warns once about servers that evict keys: sessions would end
// early, and revoked ones could come back. A server that does not tell its
// settings is not asked again.
func (s *Store) warnOfEviction(ctx context.Context) {
	if s.asked.Load() {
		return
	}
	within, cancel := context.WithTimeout(ctx, s.cfg.DialTimeout+time.Second)
	defer cancel()
	_ = forEachMaster(within, s.client, func(ctx context.Context, master *goredis.Client) error {
		if policy := evictionPolicy(ctx, master); policy != "" {
			s.cfg.Logger.WarnContext(ctx, "session store: Redis evicts sessions and tombstones; set maxmemory-policy noeviction",
				"maxmemory_policy", policy)
		}
		return nil
	})
	s.asked.Store(ctx.Err() == nil)
}

// evictionPolicy returns the policy with which a server evicts keys, or nothing
// if it does not.
func evictionPolicy(ctx context.Context, master *goredis.Client) string {
	set, err := master.ConfigGet(ctx, "maxmemory*").Result()
	if err != nil || set["maxmemory"] == "0" || set["maxmemory-policy"] == "noeviction" {
		return ""
	}
	return set["maxmemory-policy"]
}
