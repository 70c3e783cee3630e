package storagestore

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"path"
	"time"
)

const (
	// breath is how long the sweeper rests at most between two things.
	breath = 50 * time.Millisecond
	// specksMost bounds what the broom remembers.
	specksMost = 1000
)

// A speck is something that is not whole, and since when it has been so.
type speck struct {
	mark  string
	since time.Time
}

// A broom remembers what lies around that nobody can have meant: what a storage was writing when it was
// killed, and what was cut short. It goes if it lies there, unchanged, the next
// time. Nobody's clock is asked, and nothing is taken from under a writer.
type broom struct{ specks map[string]speck }

func newBroom() *broom { return &broom{specks: make(map[string]speck)} }

// litter reports whether what lies under a key has lain there long enough.
func (b *broom) litter(key string, content []byte, now time.Time) bool {
	mark := string(checksum(key, content))
	before, known := b.specks[key]
	if known && before.mark == mark {
		return now.Sub(before.since) > lap/2
	}
	if len(b.specks) >= specksMost {
		clear(b.specks)
	}
	b.specks[key] = speck{mark, now}
	return false
}

// clear sweeps one directory within a time, and rests between. It begins anywhere: should the
// time be too short, it is not always the same that stay.
func (s *Store) clear(ctx context.Context, dir string, span time.Duration, judge func(context.Context, string) error) error {
	keys, err := within(ctx, s.housekeeping, longestWait, func(ctx context.Context) ([]string, error) { return s.list(ctx, dir) })
	if err != nil || len(keys) == 0 {
		return err
	}
	end, first := time.Now().Add(span), anywhere(len(keys))
	for i := range keys {
		if ctx.Err() != nil || time.Now().After(end) {
			break
		}
		key := path.Join(dir, path.Base(keys[(first+i)%len(keys)]))
		_, failed := within(ctx, s.housekeeping, longestWait, func(ctx context.Context) (nothing, error) { return nothing{}, judge(ctx, key) })
		err = errors.Join(err, failed)
		rest(ctx, min(breath, span/time.Duration(2*len(keys))))
	}
	return err
}

func anywhere(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0
	}
	return int(i.Int64())
}

// judge takes away what is over, and litter. A tombstone that is not whole
// stays for good: nobody knows until when it counts.
func (s *Store) judge(ctx context.Context, a area, key string) error {
	name, ours := named(key)
	p, err := at(a, name)
	if !ours || err != nil || p.key != key {
		return s.discard(ctx, place{key: key})
	}
	e, err := s.fetch(ctx, p)
	switch {
	case err != nil:
		return err
	case e.torn && a == ended:
		return nil
	case e.torn:
		return s.discard(ctx, p)
	case e.version != "" && s.now().Sub(e.until) > grace:
		return s.alone(ctx, p, func() error {
			_, _, err := s.swap(ctx, p, e, entry{})
			return err
		})
	}
	return err
}

// judgeNotice takes away litter among the notices; those that are whole go when
// they are read.
func (s *Store) judgeNotice(ctx context.Context, key string) error {
	return s.discard(ctx, place{key: key})
}

// discard takes away what is not whole and has lain long enough. What cannot be
// read is no litter: it may be a directory, with much below it.
func (s *Store) discard(ctx context.Context, p place) error {
	e, err := s.fetch(ctx, p)
	if err != nil || !e.torn || !s.broom.litter(p.key, e.value, time.Now()) {
		return nil //nolint:nilerr // somebody else's, and left alone
	}
	return s.remove(ctx, p.key)
}
