package store

import (
	"context"
	"hash/maphash"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

// sweepEvery is how often expired records, tombstones and leases are removed.
const sweepEvery = time.Minute

// Memory is a Store in the memory of this process: its records end with the
// process, and other processes do not see them. It is a Counter. The first
// write starts a sweeper, which Close stops.
type Memory struct {
	// mu makes each call one step: go-cache's own lock covers only a part.
	mu         sync.Mutex
	records    table // of [Record]
	tombstones table // of [time.Time]: when each ends
	leases     map[string]lease
	counts     map[string]int // the number of records, by kind
	watchers   map[*Backlog]struct{}
	serial     uint64 // the number of the last version or lease

	sweeping bool
	closed   bool
	done     chan struct{} // closed by Close
	sweeper  sync.WaitGroup
}

// tableParts is the number of parts of a table. Of a million records, each part
// has four thousand.
const tableParts = 256

// A table keeps values by name in several caches, which are swept one by one.
type table struct {
	seed  maphash.Seed
	parts [tableParts]*gocache.Cache
}

// newTable makes an empty table. evicted is called for every value that is deleted
// or has expired; it may be nil.
func newTable(evicted func(name string, value any)) table {
	t := table{seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i] = gocache.New(gocache.NoExpiration, 0)
		t.parts[i].OnEvicted(evicted)
	}
	return t
}

// part returns the cache of a name.
func (t *table) part(name string) *gocache.Cache {
	return t.parts[maphash.String(t.seed, name)%tableParts]
}

// A lease belongs to the caller that was given its number.
type lease struct {
	holder uint64
	until  time.Time
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	m := &Memory{
		leases:   map[string]lease{},
		counts:   map[string]int{},
		watchers: map[*Backlog]struct{}{},
		done:     make(chan struct{}),
	}
	m.records = newTable(func(name string, _ any) { m.counts[kindOf(name)]-- })
	m.tombstones = newTable(nil)
	return m
}

// kindOf returns the part of a name before its first hyphen.
func kindOf(name string) string {
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

// Close stops the sweeper and waits for it. The store can still be read.
func (m *Memory) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.done)
	}
	m.mu.Unlock()
	m.sweeper.Wait()
	return nil
}

// lock begins a call, unless its context is done.
func (m *Memory) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	return nil
}

// startSweeper starts the sweeper with the first write. The caller holds mu.
func (m *Memory) startSweeper() {
	if !m.sweeping && !m.closed {
		m.sweeping = true
		m.sweeper.Go(m.sweep)
	}
}

func (m *Memory) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.done:
			return
		case now := <-tick.C:
			m.removeExpired(now)
		}
	}
}

// removeExpired takes seconds if a million records have expired. Other calls
// wait for it only while one part is swept.
func (m *Memory) removeExpired(now time.Time) {
	for i := range tableParts {
		m.mu.Lock()
		m.records.parts[i].DeleteExpired()
		m.tombstones.parts[i].DeleteExpired()
		m.mu.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.leases, func(_ string, l lease) bool { return !now.Before(l.until) })
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context, name string) (Record, bool, error) {
	if err := m.lock(ctx); err != nil {
		return Record{}, false, err
	}
	defer m.mu.Unlock()
	r, found := m.load(name)
	if !found {
		return Record{}, false, nil
	}
	r.Value = append([]byte(nil), r.Value...)
	return r, true, nil
}

func (m *Memory) load(name string) (Record, bool) {
	kept, _ := m.records.part(name).Get(name)
	if r, found := kept.(Record); found && time.Now().Before(r.Expiry) {
		return r, true
	}
	return Record{}, false
}

// Save implements Store.
func (m *Memory) Save(ctx context.Context, name string, r Record) (Version, error) {
	if err := m.lock(ctx); err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	kept, _ := m.load(name)
	if _, revoked := m.tombstones.part(name).Get(name); revoked || kept.Version != r.Version {
		return "", ErrConflict
	}
	m.records.part(name).Delete(name) // and the count of the record, which may have expired
	left := time.Until(r.Expiry)
	if left <= 0 { // go-cache would keep it forever
		return "", nil
	}
	m.startSweeper()
	m.serial++
	r.Version = Version(strconv.FormatUint(m.serial, 36))
	r.Value = append([]byte(nil), r.Value...)
	m.records.part(name).Set(name, r, left)
	m.counts[kindOf(name)]++
	return r.Version, nil
}

// Count implements Counter. An expired record is counted until the next sweep,
// for a minute at most.
func (m *Memory) Count(ctx context.Context, kind string) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return m.counts[kind], nil
}

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, name string) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.records.part(name).Delete(name)
	return nil
}

// Revoke implements Store.
func (m *Memory) Revoke(ctx context.Context, name string, until time.Time) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.records.part(name).Delete(name)
	m.setTombstone(name, until)
	for watcher := range m.watchers {
		watcher.Add(name)
	}
	return nil
}

// setTombstone sets a tombstone, unless there is one that lasts longer.
func (m *Memory) setTombstone(name string, until time.Time) {
	kept, _ := m.tombstones.part(name).Get(name)
	if before, ok := kept.(time.Time); ok && before.After(until) {
		return
	}
	if left := time.Until(until); left > 0 { // go-cache would keep it forever
		m.startSweeper()
		m.tombstones.part(name).Set(name, until, left)
	}
}

// Revoked implements Store.
func (m *Memory) Revoked(ctx context.Context, names ...string) (bool, error) {
	if err := m.lock(ctx); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	for _, name := range names {
		if _, revoked := m.tombstones.part(name).Get(name); revoked {
			return true, nil
		}
	}
	return false, nil
}

// Lease implements Store.
func (m *Memory) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	if err := m.lock(ctx); err != nil {
		return func() {}, false, err
	}
	defer m.mu.Unlock()
	now := time.Now()
	if l, taken := m.leases[name]; taken && now.Before(l.until) {
		return func() {}, false, nil
	}
	m.startSweeper()
	m.serial++
	holder := m.serial
	m.leases[name] = lease{holder: holder, until: now.Add(d)}
	return func() { m.release(name, holder) }, true, nil
}

// release ends a lease, unless it has expired and another caller has it now.
func (m *Memory) release(name string, holder uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[name].holder == holder {
		delete(m.leases, name)
	}
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, ended func(name string)) error {
	names := NewBacklog()
	m.subscribe(names)
	defer m.unsubscribe(names)
	ended("")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-names.Added():
			for _, name := range names.Take() {
				ended(name)
			}
		}
	}
}

func (m *Memory) subscribe(names *Backlog) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers[names] = struct{}{}
}

func (m *Memory) unsubscribe(names *Backlog) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watchers, names)
}

// Interface guards.
var (
	_ Store   = (*Memory)(nil)
	_ Counter = (*Memory)(nil)
)
