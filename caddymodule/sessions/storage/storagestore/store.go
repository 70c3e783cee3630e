package storagestore

import (
	"bytes"
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Storage has the methods of Caddy's storage that the store needs; every
// certmagic.Storage implements it. Load and List return fs.ErrNotExist for an
// absent key, and for nothing else. Store writes a value completely, or leaves
// something that can be distinguished from a complete value.
type Storage interface {
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
	Store(ctx context.Context, key string, value []byte) error
	Load(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, path string, recursive bool) ([]string, error)
}

// stripes is the maximum number of concurrent writers of one process. Writers
// of one name wait here for each other, since waiting for a lock of the storage
// takes long.
const stripes = 512

// Store keeps sessions in a storage. The first call starts its background work,
// which Close ends.
type Store struct {
	storage Storage
	log     *slog.Logger
	now     func() time.Time

	requests     slots // the operations of callers
	polling      slots // one operation at a time
	housekeeping slots // one operation at a time
	writers      [stripes]mutex
	seed         maphash.Seed

	outbox      *outbox
	inbox       *inbox
	subscribers *subscribers
	leftovers   *leftovers
	counts      *counts

	started    sync.Once
	untilClose context.Context // the context of the background work
	cancel     context.CancelFunc
	background sync.WaitGroup
}

// New makes a store. It does not call the storage, which may be down when Caddy
// starts.
func New(storage Storage, log *slog.Logger) *Store {
	s := &Store{
		storage: storage, log: log, now: time.Now,
		requests: make(slots, maxConcurrent), polling: make(slots, 1), housekeeping: make(slots, 1),
		writers: newMutexes(), seed: maphash.MakeSeed(),
		outbox:      newOutbox(),
		inbox:       newInbox(),
		subscribers: newSubscribers(),
		leftovers:   newLeftovers(),
		counts:      newCounts(),
	}
	s.untilClose, s.cancel = context.WithCancel(context.Background())
	return s
}

// start starts the background work with the first call: a store that is only
// configured, as in caddy validate, does nothing.
func (s *Store) start() {
	s.started.Do(func() {
		s.background.Go(s.poll)
		s.background.Go(s.sweep)
	})
}

// Close ends the background work. It waits, for some seconds at most, for the
// work and for the storage's running operations. The sessions stay, and can
// still be read.
func (s *Store) Close() error {
	s.started.Do(func() {}) // a store that was never used does not start any more
	s.cancel()
	s.background.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, operations := range []slots{s.polling, s.housekeeping, s.requests} {
		operations.drain(ctx)
	}
	return nil
}

// exclusive does work while no other writer of this process is at the place.
func (s *Store) exclusive(ctx context.Context, p place, work func() error) error {
	mine := s.writers[maphash.String(s.seed, p.key)%stripes]
	if err := mine.lock(ctx); err != nil {
		return err
	}
	defer mine.unlock()
	return work()
}

// Load implements store.Store. It reads the record and, if there is one, its
// tombstone.
func (s *Store) Load(ctx context.Context, name string) (store.Record, bool, error) {
	e, err := call(ctx, s, func(ctx context.Context) (entry, error) { return s.load(ctx, name) })
	if err != nil || e.version == "" {
		return store.Record{}, false, err
	}
	return store.Record{Value: e.value, Expiry: e.until, Version: store.Version(e.version)}, true, nil
}

// load returns a record that is alive, or the zero entry. It reads the
// tombstone after the record, so that no revocation is missed in between.
func (s *Store) load(ctx context.Context, name string) (entry, error) {
	p, err := placeOf(records, name)
	if err != nil {
		return entry{}, err
	}
	e, err := s.read(ctx, p)
	if err != nil || !e.alive(s.now()) {
		return entry{}, err
	}
	if revoked, err := s.hasTombstone(ctx, name); revoked || err != nil {
		return entry{}, err
	}
	return e, nil
}

// Save implements store.Store.
func (s *Store) Save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	r.Value = bytes.Clone(r.Value) // the operation may outlast the call
	return call(ctx, s, func(ctx context.Context) (store.Version, error) { return s.save(ctx, name, r) })
}

// save writes a record and then looks for a tombstone. In this order no
// revocation is missed: save sees one that came before the write, and one that
// comes after it removes the record itself.
func (s *Store) save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	p, err := placeOf(records, name)
	if err != nil {
		return "", err
	}
	var version store.Version
	err = s.exclusive(ctx, p, func() (err error) { version, err = s.replace(ctx, p, r); return err })
	if err != nil {
		return "", err
	}
	revoked, err := s.hasTombstone(ctx, name)
	if err != nil {
		return "", err
	}
	if revoked {
		_ = s.remove(ctx, p.key) // Load never returns the record
		return "", store.ErrConflict
	}
	return version, nil
}

// replace writes the record over the version that its writer has read. For a
// new record nothing is read before: its name is usually unused.
func (s *Store) replace(ctx context.Context, p place, r store.Record) (store.Version, error) {
	var before, next entry
	if s.now().Before(r.Expiry) {
		next = newEntry(r.Expiry, r.Value)
	}
	if r.Version != "" {
		var err error
		if before, err = s.read(ctx, p); err != nil {
			return "", err
		}
	}
	for s.version(before) == r.Version {
		found, replaced, err := s.swap(ctx, p, before, next)
		if err != nil {
			return "", err
		}
		if replaced {
			return store.Version(next.version), nil
		}
		before = found
	}
	return "", store.ErrConflict
}

// version is the version that a reader of the entry gets. An expired entry has
// none.
func (s *Store) version(e entry) store.Version {
	if !e.alive(s.now()) {
		return ""
	}
	return store.Version(e.version)
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	_, err := call(ctx, s, func(ctx context.Context) (nothing, error) {
		p, err := placeOf(records, name)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, s.exclusive(ctx, p, func() error { return s.removeAny(ctx, p) })
	})
	return err
}

// removeAny removes whatever version is there. It locks like a writer, so that
// a write that began before cannot bring the record back afterwards.
func (s *Store) removeAny(ctx context.Context, p place) error {
	e, err := s.read(ctx, p)
	for done := false; err == nil && !done && (e.version != "" || e.torn); {
		e, done, err = s.swap(ctx, p, e, entry{})
	}
	return err
}

// Interface guard.
var _ store.Store = (*Store)(nil)
