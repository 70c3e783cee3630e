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

// The store works on every storage of Caddy.
var (
	_ Storage = certmagic.Storage(nil)
	_ Storage = (*memoryStorage)(nil)
)

// memoryStorage is a storage in memory. Its hook is called before every
// operation and may fail, wait or panic; op is "load", "store" and so on.
type memoryStorage struct {
	mu    sync.Mutex
	files map[string][]byte
	locks map[string]bool
	ops   []string
	hook  func(ctx context.Context, op, key string) error
}

func newMemoryStorage() *memoryStorage {
	return &memoryStorage{files: make(map[string][]byte), locks: make(map[string]bool)}
}

// before records an operation and calls the hook.
func (s *memoryStorage) before(ctx context.Context, op, key string) error {
	s.mu.Lock()
	hook := s.hook
	s.ops = append(s.ops, op+" "+key)
	s.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, op, key)
}

func (s *memoryStorage) setHook(hook func(ctx context.Context, op, key string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// did returns the operations since the last call of did.
func (s *memoryStorage) did() (ops []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ops, s.ops = s.ops, nil
	return ops
}

func (s *memoryStorage) Lock(ctx context.Context, name string) error {
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

func (s *memoryStorage) Unlock(ctx context.Context, name string) error {
	if err := s.before(ctx, "unlock", name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locks, name)
	return nil
}

func (s *memoryStorage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.before(ctx, "store", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[key] = bytes.Clone(value)
	return nil
}

// Load returns what it keeps without a copy, as a storage may.
func (s *memoryStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.before(ctx, "load", key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	value, found := s.files[key]
	if !found {
		return nil, fmt.Errorf("memory storage: %w", fs.ErrNotExist)
	}
	return value, nil
}

func (s *memoryStorage) Delete(ctx context.Context, key string) error {
	if err := s.before(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.files[key]; !found {
		return fs.ErrNotExist // against the contract, and seen in practice
	}
	delete(s.files, key)
	return nil
}

func (s *memoryStorage) List(ctx context.Context, dir string, _ bool) (keys []string, err error) {
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

// keys returns the keys below a directory.
func (s *memoryStorage) keys(below string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := slices.Sorted(maps.Keys(s.files))
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, below+"/") })
}

// change changes the value under a key.
func (s *memoryStorage) change(t testing.TB, key string, change func([]byte) []byte) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	value, found := s.files[key]
	if !found {
		t.Fatalf("got no %s, want one", key)
	}
	s.files[key] = change(bytes.Clone(value))
}

// A logBuffer can be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *logBuffer) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *logBuffer) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// open makes a store that is closed when the test ends.
func open(t testing.TB, storage Storage) *Store {
	t.Helper()
	s := New(asCreator(storage), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// newIdle makes a store that neither polls nor sweeps by itself.
func newIdle(t testing.TB, storage Storage) (*Store, *logBuffer) {
	t.Helper()
	log := new(logBuffer)
	s := New(asCreator(storage), slog.New(slog.NewTextHandler(log, nil)))
	s.started.Do(func() {})
	t.Cleanup(func() { _ = s.Close() })
	return s, log
}

// asCreator returns the file system's storage as the module gives it to a store.
func asCreator(storage Storage) Storage {
	if files, ok := storage.(*certmagic.FileStorage); ok {
		return Files{files, files.Path}
	}
	return storage
}

func fileStorage(t testing.TB) *certmagic.FileStorage {
	t.Helper()
	return &certmagic.FileStorage{Path: t.TempDir()}
}

// virtualFiles is fileStorage on the virtual clock: the goroutines that it
// leaves behind, one for each lock, end before the bubble does.
func virtualFiles(t testing.TB) *certmagic.FileStorage {
	t.Helper()
	storage := fileStorage(t)
	t.Cleanup(func() { time.Sleep(time.Minute) })
	return storage
}

func record(value string) store.Record {
	return store.Record{Value: []byte(value), Expiry: time.Now().Add(time.Hour)}
}

func save(t testing.TB, s *Store, name string, r store.Record) store.Version {
	t.Helper()
	v, err := s.Save(t.Context(), name, r)
	if err != nil {
		t.Fatalf("got error %[2]v, want %[1]s saved", name, err)
	}
	return v
}

// expectValue compares the value under a name; "" stands for no record.
func expectValue(t testing.TB, s *Store, name, value string) {
	t.Helper()
	r, found, err := s.Load(t.Context(), name)
	if err != nil || found != (value != "") || string(r.Value) != value {
		t.Fatalf("%s: got %q (found %t, %v), want %q", name, r.Value, found, err, value)
	}
}

func revoke(t testing.TB, s *Store, name string) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("got error %[2]v, want %[1]s revoked", name, err)
	}
}

func expectRevoked(t testing.TB, s *Store, name string, want bool) {
	t.Helper()
	got, err := s.Revoked(t.Context(), name)
	if err != nil || got != want {
		t.Fatalf("%s: got revoked %t (%v), want %t", name, got, err, want)
	}
}

// keyOf returns the key of a name.
func keyOf(t testing.TB, a area, name string) string {
	t.Helper()
	p, err := placeOf(a, name)
	if err != nil {
		t.Fatal(err)
	}
	return p.key
}

var errStorage = errors.New("the storage is down")

// watchLost is what watch sends when a watch has ended with an error.
const watchLost = "watch lost"

// watch returns the names of a watch that has been established. Like a gate, it
// watches again after the watch was lost.
func watch(t testing.TB, s *Store) <-chan string {
	t.Helper()
	told := make(chan string, 10_000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := s.Watch(ctx, func(name string) { told <- name }); err != nil {
				told <- watchLost
			}
			pause(ctx, 100*time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	expectName(t, told, "")
	return told
}

// expectName waits for a name for as long as the contract allows.
func expectName(t testing.TB, told <-chan string, want string) {
	t.Helper()
	deadline := time.After(2 * time.Second)
	for {
		select {
		case got := <-told:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("got no %q within two seconds", want)
		}
	}
}
