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
	// hearEvery is how long the ear rests, and hearWait how long it may take to
	// hear. Together with republishWait they are less than the two seconds in
	// which news must have gone round.
	hearEvery     = 600 * time.Millisecond
	hearWait      = 800 * time.Millisecond
	republishWait = 400 * time.Millisecond
	// sleptFor is how long without hearing is no rest any more: notices may have
	// come and gone while this process was stopped or its machine asleep.
	sleptFor = 5 * time.Second
)

// A sight is a notice as it was found.
type sight struct {
	mark string // changes with what is written
	page page
	torn bool
}

// A heard is how far a notice was read.
type heard struct {
	mark  string
	next  uint64    // the number that its next name will have
	since time.Time // when it was last seen to change
}

// An ear knows how far every notice was read. It goes by the numbers that are
// in them, and for what has lain still by this process's own watch: never by what
// another machine takes for the time.
type ear struct {
	last  time.Time // that something could be heard
	heard map[string]heard
}

func newEar() *ear { return &ear{heard: make(map[string]heard)} }

// take returns the names that are news. missed says that others may have been
// there and that the names are not all.
func (e *ear) take(now time.Time, seen map[string]sight) (names []string, missed bool) {
	missed = e.slept(now)
	e.last = now
	for id, s := range seen {
		if before, known := e.heard[id]; known && before.mark == s.mark {
			continue
		}
		news, whole := e.read(id, s, now)
		names, missed = append(names, news...), missed || !whole
	}
	for id, before := range e.heard {
		if _, there := seen[id]; !there {
			missed = missed || now.Sub(before.since) < closedAfter
			delete(e.heard, id)
		}
	}
	return names, missed
}

// slept reports whether the last hearing is so long ago that anything may have
// happened, by the one or the other clock: one stands still in a machine's sleep, and the other can be
// set. An ear that has not heard yet has slept.
func (e *ear) slept(now time.Time) bool {
	return now.Sub(e.last) > sleptFor || now.Round(0).Sub(e.last.Round(0)) > sleptFor
}

// read reads one notice from where it was read before. A new one is news from
// its first name on.
func (e *ear) read(id string, s sight, now time.Time) (names []string, whole bool) {
	next := max(e.heard[id].next, 1)
	after := heard{mark: s.mark, next: next, since: now}
	whole = !s.torn && s.page.first <= next && next <= s.page.next()
	if whole {
		names = s.page.names[next-s.page.first:]
	}
	if !s.torn {
		after.next = s.page.next()
	}
	e.heard[id] = after
	return names, whole
}

// silent returns notices that nobody adds to any more and that everybody has read.
func (e *ear) silent(now time.Time) (ids []string) {
	for id, h := range e.heard {
		if now.Sub(h.since) > 2*closedAfter {
			ids = append(ids, id)
		}
	}
	return ids
}

// hear reads all notices. There are few: one for each process that has buried
// something in the last minutes.
func (s *Store) hear(ctx context.Context) (map[string]sight, error) {
	keys, err := s.list(ctx, path.Join(root, string(notices)))
	if err != nil {
		return nil, err
	}
	seen := make(map[string]sight)
	for _, key := range keys {
		id, ours := named(key)
		if !ours {
			continue // half-written by a storage; it has its name when it is whole
		}
		e, err := s.fetch(ctx, noticed(id))
		if err != nil {
			return nil, err
		}
		if e.version != "" || e.torn {
			seen[id] = look(e)
		}
	}
	return seen, nil
}

func look(e entry) sight {
	p, err := readPage(e.value)
	if e.torn || err != nil {
		return sight{mark: "torn " + string(e.value), torn: true}
	}
	return sight{mark: e.version, page: p}
}

// listTries is how often a directory is listed that is not there. The file
// system's storage says so as well when a file has gone while it was listing.
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
