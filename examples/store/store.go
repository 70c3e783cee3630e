//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

// Package directory is an example of a session store by a third party: it keeps
// sessions as files in a directory, which several Caddys on one machine may
// share. It is complete, and written to be copied.
//
//   - store.go: the store; a store in a database has the same methods
//   - watch.go: how other processes are told of revocations
//   - lock.go: how writers in several processes exclude each other
//   - sweep.go: how expired files are removed
//   - module.go: the Caddy module
//   - store_test.go: the test that every store has to pass
//
// A Caddy with it is built with
//
//	xcaddy build --with github.com/flowsidecar/caddy-authentik/caddymodule --with example.com/directory
//
// and a site names it:
//
//	authentik https://auth.example.com {
//		sessions directory /var/lib/caddy/sessions
//	}
//
// The directory has a file for each thing, which is JSON:
//
//	records/<name>     a session, sealed by the gate
//	tombstones/<name>  that a name was revoked
//	leases/<name>      that a process has a piece of work
//	revoked            the names that were revoked, one a line, for watchers
//	locks/<nn>         empty files to lock
package directory

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// The kinds of entries, each with a separate directory: a lease never takes
// the name of a record.
const (
	records    = "records"
	tombstones = "tombstones"
	leases     = "leases"
)

// A Store keeps sessions in a directory.
type Store struct {
	dir string

	sweeping   sync.Once
	untilClose context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup
}

// New makes a store in a directory. It touches nothing yet: what a gate is
// configured with should fail when it is used, not keep Caddy from starting.
func New(dir string) *Store {
	s := &Store{dir: dir}
	s.untilClose, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close ends what the store does in the background, and waits for it.
func (s *Store) Close() error {
	s.sweeping.Do(func() {}) // a store that was never used starts nothing any more
	s.cancel()
	s.background.Wait()
	return nil
}

// An entry is the content of a file.
type entry struct {
	// Version is random, so that none repeats: a writer who read a record
	// before it was deleted must not match the one that is there afterwards.
	Version string    `json:"version"`
	Until   time.Time `json:"until"`
	Value   []byte    `json:"value,omitempty"`
}

// path returns the file of an entry. It refuses names that could lead out of
// the directory.
func (s *Store) path(kind, name string) (string, error) {
	if !store.ValidName(name) {
		return "", fmt.Errorf("sessions directory: the name %.100q is invalid", name)
	}
	return filepath.Join(s.dir, kind, name), nil
}

// read returns an entry that has not expired. found is false and err nil only
// if no such entry exists: an error treated as absence would let a revoked
// session pass.
func (s *Store) read(ctx context.Context, kind, name string) (e entry, found bool, err error) {
	path, err := s.path(kind, name)
	if err := errors.Join(ctx.Err(), err); err != nil {
		return entry{}, false, err
	}
	text, err := os.ReadFile(path) //nolint:gosec // the name has been checked
	if errors.Is(err, fs.ErrNotExist) {
		return entry{}, false, nil
	}
	if err != nil {
		return entry{}, false, fmt.Errorf("sessions directory: %w", err)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return entry{}, false, fmt.Errorf("sessions directory: reading %s: %w", path, err)
	}
	if !time.Now().Before(e.Until) {
		return entry{}, false, nil
	}
	return e, true, nil
}

// write replaces an entry in one step: a reader finds the old one or the new
// one, and never a part. What was written survives a power cut.
func (s *Store) write(kind, name string, e entry) error {
	path, err := s.path(kind, name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("sessions directory: %w", err)
	}
	// No name begins with a dot, and CreateTemp lets only the owner read.
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("sessions directory: %w", err)
	}
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("sessions directory: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}

// remove removes an entry, if there is one.
func (s *Store) remove(kind, name string) error {
	path, err := s.path(kind, name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sessions directory: %w", err)
	}
	return nil
}

// Load implements store.Store. It reads the tombstone too: a process that was
// killed while it revoked a name may have left the record. The tombstone is
// read after the record, so that no revocation is missed in between.
func (s *Store) Load(ctx context.Context, name string) (store.Record, bool, error) {
	e, found, err := s.read(ctx, records, name)
	if !found || err != nil {
		return store.Record{}, false, err
	}
	if _, revoked, err := s.read(ctx, tombstones, name); revoked || err != nil {
		return store.Record{}, false, err
	}
	return store.Record{Value: e.Value, Expiry: e.Until, Version: store.Version(e.Version)}, true, nil
}

// Save implements store.Store. The lock makes one step of comparing the version
// and writing. In SQL that is an UPDATE whose WHERE names the version, and a
// conflict if no row was changed.
func (s *Store) Save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	s.startSweeper()
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	_, revoked, err := s.read(ctx, tombstones, name)
	if err != nil {
		return "", err
	}
	kept, _, err := s.read(ctx, records, name) // the version is empty if there is no record
	if err != nil {
		return "", err
	}
	if revoked || kept.Version != string(r.Version) {
		return "", store.ErrConflict
	}
	if !time.Now().Before(r.Expiry) {
		return "", s.remove(records, name)
	}
	e := entry{Version: rand.Text(), Until: r.Expiry, Value: r.Value}
	return store.Version(e.Version), s.write(records, name, e)
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	return s.remove(records, name)
}

// finishTimeout is how long it may take to finish what a caller has begun, even
// if its context is done meanwhile.
const finishTimeout = 5 * time.Second

// Revoke implements store.Store. The tombstone comes first: from then on no
// write can bring the record back, wherever this process is interrupted. After
// it the rest is done even if the caller has gone.
func (s *Store) Revoke(ctx context.Context, name string, until time.Time) error {
	s.startSweeper()
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	before, _, err := s.read(ctx, tombstones, name)
	if err != nil {
		return err
	}
	if before.Until.Before(until) { // the later end counts
		if err := s.write(tombstones, name, entry{Version: rand.Text(), Until: until}); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	return errors.Join(s.remove(records, name), s.announce(ctx, name))
}

// Revoked implements store.Store.
func (s *Store) Revoked(ctx context.Context, names ...string) (bool, error) {
	for _, name := range names {
		if _, revoked, err := s.read(ctx, tombstones, name); revoked || err != nil {
			return revoked, err
		}
	}
	return false, ctx.Err()
}

// Lease implements store.Store. Only its holder knows the version.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	refused := func() {}
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return refused, false, err
	}
	defer unlock()
	if _, taken, err := s.read(ctx, leases, name); taken || err != nil {
		return refused, false, err
	}
	mine := entry{Version: rand.Text(), Until: time.Now().Add(d)}
	if err := s.write(leases, name, mine); err != nil {
		return refused, false, err
	}
	return func() { _ = s.release(context.WithoutCancel(ctx), name, mine) }, true, nil
}

// release ends a lease, unless it has expired and another caller has it by now.
// If that fails, the lease ends by itself.
func (s *Store) release(ctx context.Context, name string, mine entry) error {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	kept, _, err := s.read(ctx, leases, name)
	if err != nil || kept.Version != mine.Version {
		return err
	}
	return s.remove(leases, name)
}

// Count implements store.Counter, which a store need not: it would be wrong to
// if counting took long, or if expired records remained for hours.
func (s *Store) Count(ctx context.Context, kind string) (n int, err error) {
	files, err := os.ReadDir(filepath.Join(s.dir, records))
	if err := errors.Join(ctx.Err(), err); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("sessions directory: %w", err)
	}
	for _, file := range files {
		if strings.HasPrefix(file.Name(), kind+"-") {
			n++
		}
	}
	return n, ctx.Err()
}

// Interface guards.
var (
	_ store.Store   = (*Store)(nil)
	_ store.Counter = (*Store)(nil)
)
