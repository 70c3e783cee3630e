package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// scanSize is how many keys a server examines in one step. Other clients
	// wait until a step ends.
	scanSize = 1000
	// enough is how many records of a kind are counted on a server. If there
	// are more, the number is estimated, with a standard error of 1 %.
	enough = 10_000
)

// The result of a count that takes longer than slowCount is reused, for
// countPause times as long as the count took, but no longer than countKept. So
// a database with many keys of other programs is not searched all the time.
const (
	slowCount  = time.Second
	countPause = 20
	countKept  = 5 * time.Minute
)

// countTimeout is the timeout for a count.
const countTimeout = 5 * time.Minute

// counts are the results of the last counts. One caller counts at a time. The
// others wait until it has finished or their context is done.
type counts struct {
	lock   chan struct{}
	enough int
	byKind map[string]counted
}

// A counted is a number of records, and until when it is reused.
type counted struct {
	n     int
	until time.Time
}

func newCounts() counts {
	return counts{lock: make(chan struct{}, 1), enough: enough, byKind: map[string]counted{}}
}

// Count implements store.Counter. Redis keeps no number, since it could become
// wrong. If a count takes longer than its caller waits, it goes on, and the
// next caller gets its result.
func (s *Store) Count(ctx context.Context, kind string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("redis: waiting for another count: %w", ctx.Err())
	case s.counts.lock <- struct{}{}:
	}
	if last := s.counts.byKind[kind]; s.now().Before(last.until) {
		defer s.counts.unlock()
		return last.n, nil
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer s.counts.unlock()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTimeout)
		defer cancel()
		begun := s.now()
		n, err := s.countAll(ctx, kind)
		if now := s.now(); err == nil && now.Sub(begun) >= slowCount {
			s.counts.byKind[kind] = counted{n, now.Add(min(countPause*now.Sub(begun), countKept))}
		}
		done <- result{n, err}
	}()
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("redis: counting: %w", ctx.Err())
	case r := <-done:
		if r.err != nil {
			return 0, fmt.Errorf("redis: counting: %w", r.err)
		}
		return r.n, nil
	}
}

func (c *counts) unlock() { <-c.lock }

// wait waits until no count is running.
func (c *counts) wait() {
	c.lock <- struct{}{}
	c.unlock()
}

// countAll counts the records of a kind on all servers.
func (s *Store) countAll(ctx context.Context, kind string) (int, error) {
	var all atomic.Int64
	err := forEachMaster(ctx, s.client, func(ctx context.Context, server *goredis.Client) error {
		n, err := s.countServer(ctx, server, s.key(kind+"-"))
		all.Add(int64(n))
		return err
	})
	return int(all.Load()), err
}

// countServer counts the records of one server whose keys begin with a prefix.
// A server returns keys in the order of a hash, so a sufficient number of them
// represents all its keys. If the server does not say how many keys it has, all
// are counted. A key that moves to another node meanwhile may be counted twice
// or not at all.
func (s *Store) countServer(ctx context.Context, server *goredis.Client, prefix string) (int, error) {
	size, unknown := server.DBSize(ctx).Result()
	found, seen, cursor := 0, 0, uint64(0)
	for {
		keys, next, err := server.Scan(ctx, cursor, "", scanSize).Result()
		if err != nil {
			return 0, err
		}
		seen += len(keys)
		n, err := countRecords(ctx, server, slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) }))
		if err != nil {
			return 0, err
		}
		if found += n; next == 0 {
			return found, nil
		}
		if found >= s.counts.enough && unknown == nil {
			return int(float64(found) / float64(seen) * float64(max(int64(seen), size))), nil
		}
		cursor = next
	}
}

// countRecords returns how many of the keys have a record and not a tombstone.
func countRecords(ctx context.Context, server *goredis.Client, keys []string) (n int, err error) {
	kinds, err := readKinds(ctx, server, keys)
	for _, kind := range kinds {
		if kind == string(recordKind) {
			n++
		}
	}
	return n, err
}
