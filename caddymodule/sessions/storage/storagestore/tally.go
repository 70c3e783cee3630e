package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"time"
)

// tallyKept is how long a record that is over is believed to stay so.
const tallyKept = 5 * time.Minute

// A tally knows when records end that were counted before, so that each is read once and
// then only seen to be there.
type tally struct {
	mu   sync.Mutex
	ends map[string]end // by name
}

// An end is when a record is over, as of when it was read; both in Unix seconds.
type end struct{ until, read int64 }

func newTally() *tally { return &tally{ends: make(map[string]end)} }

// Tally returns how many records of a kind are alive, which are those whose names begin with it and a
// hyphen. It lists every directory, and reads what it has not met before: that is cheap
// on a file system and nowhere else. Of a record whose end moves it notices that within minutes
// after the old end, if to a later one.
func (s *Store) Tally(ctx context.Context, kind string) (int, error) {
	return within(ctx, s.housekeeping, longestWait, func(ctx context.Context) (int, error) { return s.tally.take(ctx, s, kind+"-") })
}

// take counts. What it has found out before it fails it knows the next time.
func (t *tally) take(ctx context.Context, s *Store, prefix string) (alive int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	met := make(map[string]end, len(t.ends))
	for n := range fans {
		if err := t.directory(ctx, s, fan(records, n), prefix, met); err != nil {
			maps.Copy(t.ends, met)
			return 0, err
		}
	}
	maps.DeleteFunc(t.ends, func(name string, _ end) bool { return strings.HasPrefix(name, prefix) })
	maps.Copy(t.ends, met)
	now := s.now().Unix()
	for _, e := range met {
		if now < e.until {
			alive++
		}
	}
	return alive, nil
}

func (t *tally) directory(ctx context.Context, s *Store, path, prefix string, met map[string]end) error {
	keys, err := s.storage.List(ctx, path, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storagestore: listing %s: %w", path, err)
	}
	for _, key := range keys {
		name, ok := named(key)
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		now := s.now()
		before, known := t.ends[name]
		if known && (now.Unix() < before.until || now.Unix() < before.read+int64(tallyKept/time.Second)) {
			met[name] = before
			continue
		}
		e, err := s.fetch(ctx, place{key: key})
		if err != nil {
			return err
		}
		if e.version != "" {
			met[name] = end{until: e.until.Unix(), read: now.Unix()}
		}
	}
	return ctx.Err()
}
