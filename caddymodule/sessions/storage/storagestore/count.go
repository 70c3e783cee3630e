package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"time"
)

// countKept is for how long an expired record is assumed to remain expired.
const countKept = 5 * time.Minute

// counts remembers when the records expire that were counted before, so that
// each is read only once and afterwards only listed. The slot for housekeeping
// guards it: one operation runs at a time.
type counts struct{ ends map[string]end }

// An end is when a record expires, and when that was read; both in Unix
// seconds.
type end struct{ until, read int64 }

func newCounts() *counts { return &counts{ends: make(map[string]end)} }

// CountRecords returns how many records of a kind are alive: those whose names
// begin with kind and a hyphen. It lists every directory and reads each record
// that is new, which is cheap only on a file system. If a record's expiry is
// extended, it is counted again within minutes.
func (s *Store) CountRecords(ctx context.Context, kind string) (int, error) {
	s.start()
	return bounded(ctx, s.housekeeping, maxWait, func(ctx context.Context) (int, error) {
		return s.counts.update(ctx, s, kind+"-")
	})
}

// update counts. If it fails, what it has read so far is remembered.
func (c *counts) update(ctx context.Context, s *Store, prefix string) (alive int, err error) {
	met := make(map[string]end, len(c.ends))
	for n := range directories {
		if err := c.addDirectory(ctx, s, directory(records, n), prefix, met); err != nil {
			maps.Copy(c.ends, met)
			return 0, err
		}
	}
	maps.DeleteFunc(c.ends, func(name string, _ end) bool { return strings.HasPrefix(name, prefix) })
	maps.Copy(c.ends, met)
	now := s.now().Unix()
	for _, e := range met {
		if now < e.until {
			alive++
		}
	}
	return alive, nil
}

func (c *counts) addDirectory(ctx context.Context, s *Store, path, prefix string, met map[string]end) error {
	keys, err := s.storage.List(ctx, path, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storagestore: listing %s: %w", path, err)
	}
	for _, key := range keys {
		name, ok := nameOf(key)
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		now := s.now()
		before, known := c.ends[name]
		if known && (now.Unix() < before.until || now.Unix() < before.read+int64(countKept/time.Second)) {
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
