package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// scanSize is how many keys a server looks at in one step: other clients wait
// for a step to end.
const scanSize = 1000

// If there are at least manyRecords, counting takes a while. Then their number,
// which changes little, is reused for countKept.
const (
	manyRecords = 10_000
	countKept   = 5 * time.Minute
)

// countTimeout bounds how long a count may take.
const countTimeout = 5 * time.Minute

// counts is the result of the last count. One caller counts at a time; others
// wait until their context is done.
type counts struct {
	lock   chan struct{}
	byKind map[string]int
	at     time.Time
}

func newCounts() counts { return counts{lock: make(chan struct{}, 1)} }

// Count implements store.Counter. It scans all keys; a large number may be some
// minutes old. A count that takes longer than its caller waits goes on, and is
// there for the next caller.
func (s *Store) Count(ctx context.Context, kind string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("redis: waiting for another count: %w", ctx.Err())
	case s.counts.lock <- struct{}{}:
	}
	if s.counts.byKind[kind] >= manyRecords && s.now().Sub(s.counts.at) < countKept {
		defer s.counts.unlock()
		return s.counts.byKind[kind], nil
	}
	type result struct {
		n   int
		err error
	}
	counted := make(chan result, 1)
	go func() {
		defer s.counts.unlock()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTimeout)
		defer cancel()
		byKind, err := s.countAll(ctx)
		if err == nil {
			s.counts.byKind, s.counts.at = byKind, s.now()
		}
		counted <- result{byKind[kind], err}
	}()
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("redis: counting: %w", ctx.Err())
	case r := <-counted:
		if r.err != nil {
			return 0, fmt.Errorf("redis: counting: %w", r.err)
		}
		return r.n, nil
	}
}

func (c *counts) unlock() { <-c.lock }

// wait waits until nothing is counted.
func (c *counts) wait() {
	c.lock <- struct{}{}
	c.unlock()
}

// countAll counts the records on all servers by the kind that their names begin
// with.
func (s *Store) countAll(ctx context.Context) (map[string]int, error) {
	var mu sync.Mutex
	byKind := map[string]int{}
	err := forEachMaster(ctx, s.client, func(ctx context.Context, server *goredis.Client) error {
		found, err := s.countServer(ctx, server)
		mu.Lock()
		defer mu.Unlock()
		for kind, n := range found {
			byKind[kind] += n
		}
		return err
	})
	return byKind, err
}

// countServer counts the records of one server. A key that moves to another
// node meanwhile may be counted twice or not at all. Of the characters with a
// meaning in a pattern a prefix has at most backslashes, see CheckPrefix.
func (s *Store) countServer(ctx context.Context, server goredis.UniversalClient) (map[string]int, error) {
	pattern := strings.ReplaceAll(s.key(""), `\`, `\\`) + "*"
	byKind, cursor := map[string]int{}, uint64(0)
	for {
		keys, next, err := server.Scan(ctx, cursor, pattern, scanSize).Result()
		if err != nil {
			return nil, err
		}
		if err := s.countKeys(ctx, server, keys, byKind); err != nil {
			return nil, err
		}
		if cursor = next; cursor == 0 {
			return byKind, nil
		}
	}
}

// countKeys adds the keys that hold a record and not a tombstone.
func (s *Store) countKeys(ctx context.Context, server goredis.UniversalClient, keys []string, byKind map[string]int) error {
	kinds, err := readKinds(ctx, server, keys)
	if err != nil {
		return err
	}
	for i, kind := range kinds {
		of, _, named := strings.Cut(strings.TrimPrefix(keys[i], s.key("")), "-")
		if named && kind == string(recordKind) {
			byKind[of]++
		}
	}
	return nil
}
