package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// warnOfEviction warns, once, of servers that throw away what they were asked to keep: sessions would
// end early, and what had ended could come back. A server that does not
// tell how it is set up is not asked again.
func (s *Store) warnOfEviction(ctx context.Context) {
	s.evicting.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, s.cfg.DialTimeout+time.Second)
		defer cancel()
		_ = everyMaster(ctx, s.client, func(ctx context.Context, master *goredis.Client) error {
			if policy := evicts(ctx, master); policy != "" {
				s.cfg.Logger.WarnContext(ctx, "Redis evicts sessions and the marks of those that have ended; set maxmemory-policy noeviction",
					"maxmemory_policy", policy)
			}
			return nil
		})
	})
}

// evicts returns the policy by which a server evicts. One without a bound never does.
func evicts(ctx context.Context, master *goredis.Client) string {
	set, err := master.ConfigGet(ctx, "maxmemory*").Result()
	if err != nil || set["maxmemory"] == "0" || set["maxmemory-policy"] == "noeviction" {
		return ""
	}
	return set["maxmemory-policy"]
}
