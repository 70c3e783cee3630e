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

// Storage is what the store needs of Caddy's storage; every certmagic.Storage
// is one. Load and List say fs.ErrNotExist of what is absent, and of nothing
// else. Store is all or nothing, or else leaves something that is seen not to be whole.
type Storage interface {
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
	Store(ctx context.Context, key string, value []byte) error
	Load(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, path string, recursive bool) ([]string, error)
}

// stripes is how many writers of one process work at once at most; those of one name wait
// for each other here, and not for the storage's lock, which is slow to wait for.
const stripes = 512

// Store keeps sessions in a storage. Close ends what it does in the background.
type Store struct {
	storage Storage
	log     *slog.Logger
	now     func() time.Time

	requests     slots // what requests do
	hearing      slots // what the ear does, one thing at a time
	housekeeping slots // what the sweeper does, one thing at a time
	stripes      [stripes]turn
	seed         maphash.Seed

	notice   *notice
	ear      *ear
	audience *audience
	broom    *broom
	tally    *tally

	life       context.Context // the store's own, for what it does in the background
	close      context.CancelFunc
	background sync.WaitGroup
}

// New makes a store and begins to listen and to sweep. It touches nothing yet:
// a storage may be down when Caddy starts.
func New(storage Storage, log *slog.Logger) *Store {
	s := newStore(storage, log)
	s.background.Go(s.listen)
	s.background.Go(s.sweep)
	return s
}

func newStore(storage Storage, log *slog.Logger) *Store {
	s := &Store{
		storage: storage, log: log, now: time.Now,
		requests: make(slots, atOnce), hearing: make(slots, 1), housekeeping: make(slots, 1),
		stripes: newStripes(), seed: maphash.MakeSeed(),
		notice:   newNotice(),
		ear:      newEar(),
		audience: newAudience(),
		broom:    newBroom(),
		tally:    newTally(),
	}
	s.life, s.close = context.WithCancel(context.Background())
	return s
}

// Close ends the listening and the sweeping. What is kept stays, and can be
// read.
func (s *Store) Close() error {
	s.close()
	s.background.Wait()
	return nil
}

// alone does work while no other writer of this process is at the place.
func (s *Store) alone(ctx context.Context, p place, work func() error) error {
	mine := s.stripes[maphash.String(s.seed, p.key)%stripes]
	if err := mine.take(ctx); err != nil {
		return err
	}
	defer mine.give()
	return work()
}

// Load implements store.Store. It reads the record and, if there is one, its
// tombstone.
func (s *Store) Load(ctx context.Context, name string) (store.Record, bool, error) {
	e, err := within(ctx, s.requests, longestWait, func(ctx context.Context) (entry, error) { return s.load(ctx, name) })
	if err != nil || e.version == "" {
		return store.Record{}, false, err
	}
	return store.Record{Value: e.value, Expiry: e.until, Version: store.Version(e.version)}, true, nil
}

// load returns a record that is alive, or nothing. The tombstone is read after
// the record, so that no burial comes between.
func (s *Store) load(ctx context.Context, name string) (entry, error) {
	p, err := at(records, name)
	if err != nil {
		return entry{}, err
	}
	e, err := s.read(ctx, p)
	if err != nil || !e.alive(s.now()) {
		return entry{}, err
	}
	if over, err := s.buried(ctx, name); over || err != nil {
		return entry{}, err
	}
	return e, nil
}

// Save implements store.Store.
func (s *Store) Save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	r.Value = bytes.Clone(r.Value) // the work may outlast the call
	return within(ctx, s.requests, longestWait, func(ctx context.Context) (store.Version, error) { return s.save(ctx, name, r) })
}

// save writes a record and then looks for a tombstone. In this order no burial
// is missed: one that came before the write is seen, and one that comes after takes the record
// away itself.
func (s *Store) save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	p, err := at(records, name)
	if err != nil {
		return "", err
	}
	var version store.Version
	err = s.alone(ctx, p, func() (err error) { version, err = s.replace(ctx, p, r); return err })
	if err != nil {
		return "", err
	}
	over, err := s.buried(ctx, name)
	if err != nil {
		return "", err
	}
	if over {
		_ = s.remove(ctx, p.key) // nobody can see it, and the sweeper comes
		return "", store.ErrConflict
	}
	return version, nil
}

// replace writes the record over the version that its writer has read. That of a
// new one is not read first: nobody else has its name, as a rule.
func (s *Store) replace(ctx context.Context, p place, r store.Record) (store.Version, error) {
	var before, next entry
	if s.now().Before(r.Expiry) {
		next = fresh(r.Expiry, r.Value)
	}
	if r.Version != "" {
		var err error
		if before, err = s.read(ctx, p); err != nil {
			return "", err
		}
	}
	for s.version(before) == r.Version {
		found, done, err := s.swap(ctx, p, before, next)
		if err != nil {
			return "", err
		}
		if done {
			return store.Version(next.version), nil
		}
		before = found
	}
	return "", store.ErrConflict
}

// version is what a reader was told of the entry: nothing, once it is over.
func (s *Store) version(e entry) store.Version {
	if !e.alive(s.now()) {
		return ""
	}
	return store.Version(e.version)
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	_, err := within(ctx, s.requests, longestWait, func(ctx context.Context) (nothing, error) {
		p, err := at(records, name)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, s.alone(ctx, p, func() error { return s.erase(ctx, p) })
	})
	return err
}

// erase takes away whatever version is there. It excludes writers like one of
// them: a write that has begun before cannot bring the record back after.
func (s *Store) erase(ctx context.Context, p place) error {
	e, err := s.read(ctx, p)
	for done := false; err == nil && !done && (e.version != "" || e.torn); {
		e, done, err = s.swap(ctx, p, e, entry{})
	}
	return err
}

var _ store.Store = (*Store)(nil)
