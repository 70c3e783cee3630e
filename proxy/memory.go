package proxy

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

// memorySweep is how often what is over makes room.
const memorySweep = time.Minute

// Memory is a Store in the memory of this process. What it keeps is gone with
// the process; Close ends its sweeping.
type Memory struct {
	now func() time.Time

	mu       sync.Mutex // orders versions and burials; go-cache's own lock does not
	version  uint64
	records  *gocache.Cache
	kinds    sync.Map // how many records there are: of *atomic.Int64, by kind
	buried   *gocache.Cache
	leases   map[string]lease
	watchers map[Backlog]struct{}

	close func()
}

// A lease belongs to whoever holds its number.
type lease struct {
	holder uint64
	until  time.Time
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	done := make(chan struct{})
	m := &Memory{
		now:      time.Now,
		records:  gocache.New(gocache.NoExpiration, 0),
		buried:   gocache.New(gocache.NoExpiration, 0),
		leases:   map[string]lease{},
		watchers: map[Backlog]struct{}{},
		close:    sync.OnceFunc(func() { close(done) }),
	}
	m.records.OnEvicted(func(name string, _ any) { m.kind(name).Add(-1) })
	go m.sweep(done)
	return m
}

// Close ends the sweeping. What is kept stays readable.
func (m *Memory) Close() error {
	m.close()
	return nil
}

func (m *Memory) sweep(done <-chan struct{}) {
	tick := time.NewTicker(memorySweep)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			m.records.DeleteExpired()
			m.buried.DeleteExpired()
			m.dropLeases()
		}
	}
}

func (m *Memory) dropLeases() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	maps.DeleteFunc(m.leases, func(_ string, l lease) bool { return !now.Before(l.until) })
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context, name string) (Record, bool, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.load(name)
	if !ok {
		return Record{}, false, nil
	}
	r.Value = append([]byte(nil), r.Value...)
	return r, true, nil
}

func (m *Memory) load(name string) (Record, bool) {
	found, ok := m.records.Get(name)
	if !ok {
		return Record{}, false
	}
	r, ok := found.(Record)
	return r, ok && m.now().Before(r.Expiry)
}

// Save implements Store.
func (m *Memory) Save(ctx context.Context, name string, r Record) (Version, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, _ := m.load(name)
	if _, over := m.buried.Get(name); over || kept.Version != r.Version {
		return "", ErrConflict
	}
	left := r.Expiry.Sub(m.now())
	if left <= 0 { // go-cache takes no time left for all the time in the world
		m.records.Delete(name)
		return "", nil
	}
	m.version++
	r.Version = Version(strconv.FormatUint(m.version, 36))
	r.Value = append([]byte(nil), r.Value...)
	m.records.Delete(name) // and what it counts for
	m.records.Set(name, r, left)
	m.kind(name).Add(1)
	return r.Version, nil
}

// kind is the count of a name's kind, which is what stands before its first hyphen.
func (m *Memory) kind(name string) *atomic.Int64 {
	of, _, _ := strings.Cut(name, "-")
	if n, ok := m.kinds.Load(of); ok {
		return n.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
	}
	n, _ := m.kinds.LoadOrStore(of, new(atomic.Int64))
	return n.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
}

// Count implements Counter. A record that is over counts until the next sweep, for a minute at most.
func (m *Memory) Count(ctx context.Context, kind string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return int(m.kind(kind + "-").Load()), nil
}

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records.Delete(name)
	return nil
}

// Revoke implements Store.
func (m *Memory) Revoke(ctx context.Context, name string, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records.Delete(name)
	if found, ok := m.buried.Get(name); ok {
		if before, ok := found.(time.Time); ok && before.After(until) {
			until = before
		}
	}
	if left := until.Sub(m.now()); left > 0 {
		m.buried.Set(name, until, left)
	}
	m.tell(name)
	return nil
}

// tell hands a name to every watcher. It is called with the lock held.
func (m *Memory) tell(name string) {
	for w := range m.watchers {
		w.Add(name)
	}
}

// Revoked implements Store.
func (m *Memory) Revoked(ctx context.Context, names ...string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	for _, name := range names {
		if _, over := m.buried.Get(name); over {
			return true, nil
		}
	}
	return false, nil
}

// Lease implements Store.
func (m *Memory) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	if err := ctx.Err(); err != nil {
		return func() {}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if l, taken := m.leases[name]; taken && now.Before(l.until) {
		return func() {}, false, nil
	}
	m.version++
	holder := m.version
	m.leases[name] = lease{holder: holder, until: now.Add(d)}
	return func() { m.release(name, holder) }, true, nil
}

// release ends a lease, unless it has run out and is somebody else's by now.
func (m *Memory) release(name string, holder uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[name].holder == holder {
		delete(m.leases, name)
	}
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, ended func(name string)) error {
	w := NewBacklog()
	m.mu.Lock()
	m.watchers[w] = struct{}{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, w)
	}()
	ended("")
	for {
		select {
		case <-ctx.Done():
			return nil
		case name := <-w:
			ended(name)
		}
	}
}
