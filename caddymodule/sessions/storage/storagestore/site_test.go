package storagestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Every storage of Caddy's is one for us.
var (
	_ Storage = certmagic.Storage(nil)
	_ Storage = (*shelf)(nil)
)

// A shelf is a storage in memory. Hooks stand before its operations and may
// fail, wait or panic; the operation that they are told is "load", "store" and so on.
type shelf struct {
	mu    sync.Mutex
	files map[string][]byte
	locks map[string]bool
	ops   []string
	hook  func(ctx context.Context, op, key string) error
}

func newShelf() *shelf {
	return &shelf{files: make(map[string][]byte), locks: make(map[string]bool)}
}

// before runs the hook.
func (s *shelf) before(ctx context.Context, op, key string) error {
	s.mu.Lock()
	hook := s.hook
	s.ops = append(s.ops, op+" "+key)
	s.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, op, key)
}

func (s *shelf) setHook(hook func(ctx context.Context, op, key string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// did returns the operations since it was asked last.
func (s *shelf) did() (ops []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ops, s.ops = s.ops, nil
	return ops
}

func (s *shelf) Lock(ctx context.Context, name string) error {
	if err := s.before(ctx, "lock", name); err != nil {
		return err
	}
	for {
		s.mu.Lock()
		free := !s.locks[name]
		s.locks[name] = true
		s.mu.Unlock()
		if free {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *shelf) Unlock(ctx context.Context, name string) error {
	if err := s.before(ctx, "unlock", name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locks, name)
	return nil
}

func (s *shelf) Store(ctx context.Context, key string, value []byte) error {
	if err := s.before(ctx, "store", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[key] = bytes.Clone(value)
	return nil
}

// Load gives what it keeps and no copy, as a storage may.
func (s *shelf) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.before(ctx, "load", key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	value, found := s.files[key]
	if !found {
		return nil, fmt.Errorf("shelf: %w", fs.ErrNotExist)
	}
	return value, nil
}

func (s *shelf) Delete(ctx context.Context, key string) error {
	if err := s.before(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.files[key]; !found {
		return fs.ErrNotExist // against the rules, and seen
	}
	delete(s.files, key)
	return nil
}

func (s *shelf) List(ctx context.Context, dir string, _ bool) (keys []string, err error) {
	if err := s.before(ctx, "list", dir); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.files {
		if path.Dir(key) == dir {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// keys returns what is kept below a directory.
func (s *shelf) keys(below string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := slices.Sorted(maps.Keys(s.files))
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, below+"/") })
}

// change changes what lies under a key.
func (s *shelf) change(t testing.TB, key string, change func([]byte) []byte) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	value, found := s.files[key]
	if !found {
		t.Fatalf("there is no %s", key)
	}
	s.files[key] = change(bytes.Clone(value))
}

// A journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// open makes a store that is closed with the test.
func open(t testing.TB, storage Storage) *Store {
	t.Helper()
	s := New(storage, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// still makes a store that neither listens nor sweeps by itself.
func still(t testing.TB, storage Storage) (*Store, *journal) {
	t.Helper()
	log := new(journal)
	s := newStore(storage, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { _ = s.Close() })
	return s, log
}

func files(t testing.TB) *certmagic.FileStorage {
	t.Helper()
	return &certmagic.FileStorage{Path: t.TempDir()}
}

func record(value string) store.Record {
	return store.Record{Value: []byte(value), Expiry: time.Now().Add(time.Hour)}
}

func save(t testing.TB, s *Store, name string, r store.Record) store.Version {
	t.Helper()
	v, err := s.Save(t.Context(), name, r)
	if err != nil {
		t.Fatalf("saving %s: %v", name, err)
	}
	return v
}

// holds compares what is under a name; "" is nothing.
func holds(t testing.TB, s *Store, name, value string) {
	t.Helper()
	r, found, err := s.Load(t.Context(), name)
	if err != nil || found != (value != "") || string(r.Value) != value {
		t.Fatalf("%s holds %q (found %t, %v), want %q", name, r.Value, found, err, value)
	}
}

func bury(t testing.TB, s *Store, name string) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("burying %s: %v", name, err)
	}
}

func isRevoked(t testing.TB, s *Store, name string, want bool) {
	t.Helper()
	got, err := s.Revoked(t.Context(), name)
	if err != nil || got != want {
		t.Fatalf("%s buried: %t (%v), want %t", name, got, err, want)
	}
}

// key is where a name lies.
func key(t testing.TB, a area, name string) string {
	t.Helper()
	p, err := at(a, name)
	if err != nil {
		t.Fatal(err)
	}
	return p.key
}

var errFire = errors.New("the disk is on fire")

// deaf is what watch says of a watch that has ended, as a gate would see it.
const deaf = "deaf"

// watch returns what is told, once the watch has begun. As a gate does, it
// watches again after a watch has ended.
func watch(t testing.TB, s *Store) <-chan string {
	t.Helper()
	told := make(chan string, 10_000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := s.Watch(ctx, func(name string) { told <- name }); err != nil {
				told <- deaf
			}
			rest(ctx, 100*time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	hears(t, told, "")
	return told
}

// hears waits for a name, and no longer than the contract lets it take.
func hears(t testing.TB, told <-chan string, want string) {
	t.Helper()
	late := time.After(2 * time.Second)
	for {
		select {
		case got := <-told:
			if got == want {
				return
			}
		case <-late:
			t.Fatalf("%q was not heard of", want)
		}
	}
}
