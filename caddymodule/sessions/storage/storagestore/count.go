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

const (
	// countKept is how long an expired record is assumed to stay expired.
	countKept = 5 * time.Minute
	// enough is how many records of a kind are counted. If there are more, the
	// number is estimated, with a standard error of 1 %.
	enough = 10_000
)

// counts remembers when the records expire that were counted before, so that
// each is read only once and only listed afterwards. The slot for housekeeping
// guards it: one operation runs at a time.
type counts struct {
	enough int
	ends   map[string]end
}

// An end is when a record expires, and when the record was read, both in Unix
// seconds.
type end struct{ until, read int64 }

func newCounts() *counts { return &counts{enough: enough, ends: make(map[string]end)} }

// CountRecords returns how many records of a kind are alive: those whose names
// begin with kind and a hyphen. It lists directories and reads each new record,
// which is cheap only on a file system. If a record's expiry is extended, it is
// counted again within minutes.
func (s *Store) CountRecords(ctx context.Context, kind string) (int, error) {
	s.start()
	return bounded(ctx, s.housekeeping, maxWait, func(ctx context.Context) (int, error) {
		return s.counts.update(ctx, s, kind+"-")
	})
}

// update counts. If it fails, it remembers what it has read so far. A hash of
// the name chooses the directory of a record, so if the first directories have
// enough records, they represent all. No number is kept in the storage, since
// it could become wrong, and no list of all records in memory, since it could
// be large.
func (c *counts) update(ctx context.Context, s *Store, prefix string) (int, error) {
	met, alive := make(map[string]end, len(c.ends)), 0
	for n := range directories {
		found, err := c.addDirectory(ctx, s, directory(records, n), prefix, met)
		if err != nil {
			maps.Copy(c.ends, met)
			return 0, err
		}
		if alive += found; alive >= c.enough {
			alive = alive * directories / (n + 1)
			break
		}
	}
	maps.DeleteFunc(c.ends, func(name string, _ end) bool { return strings.HasPrefix(name, prefix) })
	maps.Copy(c.ends, met)
	return alive, nil
}

// addDirectory adds the records of a directory to those that were met, and returns
// how many of them are alive.
func (c *counts) addDirectory(ctx context.Context, s *Store, path, prefix string, met map[string]end) (alive int, err error) {
	keys, err := s.storage.List(ctx, path, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("storagestore: listing %s: %w", path, err)
	}
	for _, key := range keys {
		name, ok := nameOf(key)
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		now := s.now().Unix()
		e, known := c.ends[name]
		if !known || now >= e.until && now >= e.read+int64(countKept/time.Second) {
			stored, err := s.fetch(ctx, place{key: key})
			if err != nil {
				return 0, err
			}
			if stored.version == "" {
				continue
			}
			e = end{until: stored.until.Unix(), read: now}
		}
		met[name] = e
		if now < e.until {
			alive++
		}
	}
	return alive, ctx.Err()
}
