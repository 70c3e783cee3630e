package index

import (
	"context"
	"maps"
	"slices"
	"time"
)

// restsKept is how long a list is kept after its last session has expired, if
// that session rests on a record. In this time a process notices the end, and
// deletes the record.
const restsKept = 5 * time.Minute

// rests returns the records on which sessions of the list rest.
func (l *List) rests() (all []string) {
	for _, entry := range l.Lines {
		if entry.Rest != "" && !slices.Contains(all, entry.Rest) {
			all = append(all, entry.Rest)
		}
	}
	return all
}

// leave notes and returns the records on which sessions rested before and none
// rests any more.
func (l *List) leave(before []string, now time.Time) (left []string) {
	maps.DeleteFunc(l.Left, func(_ string, since time.Time) bool { return now.Sub(since) > beginsFor })
	still := l.rests()
	for _, name := range before {
		if slices.Contains(still, name) {
			continue
		}
		if l.Left == nil {
			l.Left = map[string]time.Time{}
		}
		l.Left[name] = now
		left = append(left, name)
	}
	return left
}

// HasLeft reports whether a session that begins would rest on a record that is
// being deleted: the last session that rested on it has ended meanwhile.
func (l *List) HasLeft(rest string) bool {
	_, left := l.Left[rest]
	return left
}

// restsUntil returns when these records no longer need the list.
func (l *List) restsUntil() (until time.Time) {
	for _, entry := range l.Lines {
		if entry.Rest != "" {
			until = Later(until, entry.Until.Add(restsKept))
		}
	}
	for _, since := range l.Left {
		until = Later(until, since.Add(beginsFor))
	}
	return until
}

// Prune deletes the records on which only expired sessions of a user rest.
func (x *Index) Prune(ctx context.Context, uid string) error {
	return x.Change(ctx, uid, func(*List) bool { return false })
}

// Drop deletes records on which no session rests any more. A record that cannot
// be deleted expires.
func (x *Index) Drop(ctx context.Context, names ...string) {
	for _, name := range names {
		if err := x.store.Delete(ctx, name); err != nil {
			x.logger.WarnContext(ctx, "session index: a copy of authentik's cookies stays until it expires, and no session needs it", "error", err)
		}
	}
}
