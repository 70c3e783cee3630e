package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

const (
	// pollEvery is the pause between two polls, and pollTimeout how long one may
	// take. Together with republishTimeout they are less than the two seconds
	// within which every watcher must be told.
	pollEvery        = 600 * time.Millisecond
	pollTimeout      = 800 * time.Millisecond
	republishTimeout = 400 * time.Millisecond
	// maxGap is the maximum time between two polls. In a longer gap, in which
	// this process was stopped or its machine asleep, notices may have come and
	// gone.
	maxGap = 5 * time.Second
)

// A found notice is a notice as a poll has read it.
type found struct {
	mark   string // changes with every write
	notice notice
	torn   bool
}

// progress is how far a notice was read.
type progress struct {
	mark  string
	next  uint64    // the number of its next name
	since time.Time // when it changed last
}

// An inbox knows how far every notice was read. It relies on the numbers in the
// notices, and on the clock of this process for how long one has not changed:
// never on the clock of another machine.
type inbox struct {
	last time.Time // when notices were last read
	read map[string]progress
}

func newInbox() *inbox { return &inbox{read: make(map[string]progress)} }

// receive returns the new names in the notices found. If missed is true, names
// may have come and gone unread.
func (in *inbox) receive(now time.Time, all map[string]found) (names []string, missed bool) {
	missed = in.gap(now)
	in.last = now
	for id, f := range all {
		if before, known := in.read[id]; known && before.mark == f.mark {
			continue
		}
		news, complete := in.advance(id, f, now)
		names, missed = append(names, news...), missed || !complete
	}
	for id, before := range in.read {
		if _, exists := all[id]; !exists {
			missed = missed || now.Sub(before.since) < closedAfter
			delete(in.read, id)
		}
	}
	return names, missed
}

// gap reports whether the last poll was too long ago, by the monotonic clock or
// by the wall clock: the first stops while a machine sleeps, and the second can
// be set. Before the first poll it returns true.
func (in *inbox) gap(now time.Time) bool {
	return now.Sub(in.last) > maxGap || now.Round(0).Sub(in.last.Round(0)) > maxGap
}

// advance reads one notice from where it was read before. All names of a new
// notice are new.
func (in *inbox) advance(id string, f found, now time.Time) (names []string, complete bool) {
	next := max(in.read[id].next, 1)
	after := progress{mark: f.mark, next: next, since: now}
	complete = !f.torn && f.notice.first <= next && next <= f.notice.next()
	if complete {
		names = f.notice.names[next-f.notice.first:]
	}
	if !f.torn {
		after.next = f.notice.next()
	}
	in.read[id] = after
	return names, complete
}

// finished returns the notices that get no more names and that every process
// has read.
func (in *inbox) finished(now time.Time) (ids []string) {
	for id, p := range in.read {
		if now.Sub(p.since) > 2*closedAfter {
			ids = append(ids, id)
		}
	}
	return ids
}

// readNotices reads all notices. There are few: one for each process that has
// revoked a name in the last minutes.
func (s *Store) readNotices(ctx context.Context) (map[string]found, error) {
	keys, err := s.list(ctx, path.Join(root, string(notices)))
	if err != nil {
		return nil, err
	}
	all := make(map[string]found)
	for _, key := range keys {
		id, ours := nameOf(key)
		if !ours {
			continue // a storage is writing it; it gets its name when it is complete
		}
		e, err := s.fetch(ctx, noticePlace(id))
		if err != nil {
			return nil, err
		}
		if e.version != "" || e.torn {
			all[id] = foundIn(e)
		}
	}
	return all, nil
}

func foundIn(e entry) found {
	n, err := decodeNotice(e.value)
	if e.torn || err != nil {
		return found{mark: "torn " + string(e.value), torn: true}
	}
	return found{mark: e.version, notice: n}
}

// listTries is how often listing a missing directory is tried. The file
// system's storage also reports a directory missing if a file disappears while
// it is listed.
const listTries = 3

// list returns the keys in a directory.
func (s *Store) list(ctx context.Context, dir string) (keys []string, err error) {
	for range listTries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		keys, err = s.storage.List(ctx, dir, false)
		if err == nil {
			return keys, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("storagestore: listing %s: %w", dir, err)
		}
	}
	return nil, nil
}
