package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// scanned is how many keys a server looks at in one go, so that nobody else has to wait for long.
const scanned = 1000

// A crowd is so many records that it takes a while to go through them. Their number is kept for
// censusKept, in which it changes by little.
const (
	crowd      = 10_000
	censusKept = 5 * time.Minute
)

// A census is the last count of a crowd.
type census struct {
	mu     sync.Mutex
	byKind map[string]int
	at     time.Time
}

// Count implements store.Counter. It goes through all keys, so that of a crowd is up to some
// minutes old.
func (s *Store) Count(ctx context.Context, kind string) (int, error) {
	s.census.mu.Lock()
	defer s.census.mu.Unlock()
	if s.census.byKind[kind] >= crowd && s.now().Sub(s.census.at) < censusKept {
		return s.census.byKind[kind], nil
	}
	byKind, err := s.walk(ctx)
	if err != nil {
		return 0, err
	}
	s.census.byKind, s.census.at = byKind, s.now()
	return byKind[kind], nil
}

// walk counts the records on all servers by the kind that their names begin with.
func (s *Store) walk(ctx context.Context) (map[string]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	byKind := map[string]int{}
	err := s.masters(ctx, func(ctx context.Context, server goredis.UniversalClient) error {
		found, err := s.count(ctx, server)
		mu.Lock()
		defer mu.Unlock()
		for kind, n := range found {
			byKind[kind] += n
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("redis: counting: %w", err)
	}
	return byKind, nil
}

// masters calls each with every server that has keys of its own.
func (s *Store) masters(ctx context.Context, each func(context.Context, goredis.UniversalClient) error) error {
	cluster, many := s.client.(*goredis.ClusterClient)
	if !many {
		return each(ctx, s.client)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, server *goredis.Client) error { return each(ctx, server) })
}

// count goes through the keys of one server. One that moves while it does may be counted twice or
// not at all. No prefix has anything in it that a pattern would not take as it is.
func (s *Store) count(ctx context.Context, server goredis.UniversalClient) (map[string]int, error) {
	byKind, cursor := map[string]int{}, uint64(0)
	for {
		keys, next, err := server.Scan(ctx, cursor, s.key("")+"*", scanned).Result()
		if err != nil {
			return nil, err
		}
		if err := s.tally(ctx, server, keys, byKind); err != nil {
			return nil, err
		}
		if cursor = next; cursor == 0 {
			return byKind, nil
		}
	}
}

// tally adds those of some keys that hold a record: others hold a tombstone.
func (s *Store) tally(ctx context.Context, server goredis.UniversalClient, keys []string, byKind map[string]int) error {
	if len(keys) == 0 {
		return nil
	}
	heads, err := server.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		for _, key := range keys {
			pipe.GetRange(ctx, key, 0, 0)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, head := range heads {
		text, ok := head.(*goredis.StringCmd)
		kind, _, named := strings.Cut(strings.TrimPrefix(keys[i], s.key("")), "-")
		if ok && named && text.Val() == string(recordKind) {
			byKind[kind]++
		}
	}
	return nil
}
