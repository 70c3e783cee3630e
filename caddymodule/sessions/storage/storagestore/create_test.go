package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

// withoutLinks is a file system where no file can have two names.
type withoutLinks struct{ *certmagic.FileStorage }

func (withoutLinks) Create(context.Context, string, []byte) error { return errors.ErrUnsupported }

func TestStore_FileSystemWithoutLinksKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunVirtual(t, func(t testing.TB) store.Store { return open(t, withoutLinks{virtualFiles(t)}) })
}

// lockless fails where a lock is taken.
type lockless struct{ Files }

func (lockless) Lock(context.Context, string) error { return errors.New("a lock was taken") }

func TestCreate_NewEntryNeedsNoLock(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	s, _ := newIdle(t, lockless{Files{storage, storage.Path}})
	save(t, s, "session-a", record("one"))
	expectValue(t, s, "session-a", "one")
	revoke(t, s, "session-b")
	expectRevoked(t, s, "session-b", true)
	if _, err := s.Save(t.Context(), "session-a", record("two")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v for a name that is in use, want ErrConflict", err)
	}
	files, err := filepath.Glob(filepath.Join(storage.Path, root, "*", "*", "*"))
	for _, file := range files {
		if !strings.HasSuffix(file, suffix) {
			t.Errorf("got %s left behind", file)
		}
	}
	if len(files) != 2 || err != nil {
		t.Errorf("got files %v, %v, want the record and the tombstone", files, err)
	}
}

// TestCreate_OfManyWritersOneWins has processes create a name at the same time.
func TestCreate_OfManyWritersOneWins(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	for round := range 10 {
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			s, _ := newIdle(t, storage) // a separate store waits for none here
			all.Go(func() {
				_, err := s.Save(t.Context(), fmt.Sprintf("session-%d", round), record(fmt.Sprint(i)))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrConflict):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := won.Load(); n != 1 {
			t.Errorf("got %d writers that have created the name, want one", n)
		}
	}
}

func TestCreate_ReplacesWhatIsTorn(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	s, _ := newIdle(t, storage)
	file := filepath.Join(storage.Path, keyOf(t, records, "session-a"))
	for _, torn := range []string{"", "cut short"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(torn), 0o600)); err != nil {
			t.Fatal(err)
		}
		save(t, s, "session-a", record("one"))
		expectValue(t, s, "session-a", "one")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFiles_ListIsThatOfTheStorage(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	f := Files{storage, storage.Path}
	for i := range 2500 {
		file := filepath.Join(storage.Path, "many", fmt.Sprintf("%04d", i*7%2500))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(storage.Path, "none"), 0o700), os.MkdirAll(filepath.Join(storage.Path, "deep", "a", "b"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"many", "none", "deep", "deep/a", "missing"} {
		for _, recursive := range []bool{false, true} {
			got, err := f.List(t.Context(), path, recursive)
			want, wantErr := storage.List(t.Context(), path, recursive)
			if !slices.Equal(got, want) || (err == nil) != (wantErr == nil) || errors.Is(err, fs.ErrNotExist) != errors.Is(wantErr, fs.ErrNotExist) {
				t.Errorf("%s, recursive %t: got %d keys, %v, want %d, %v", path, recursive, len(got), err, len(want), wantErr)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.List(ctx, "many", false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestFiles_CreateKeepsAnExistingValue(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	f := Files{storage, storage.Path}
	if err := f.Create(t.Context(), "a/b", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := f.Create(t.Context(), "a/b", []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if got, err := storage.Load(t.Context(), "a/b"); string(got) != "one" || err != nil {
		t.Errorf("got %q, %v, want what was there", got, err)
	}
	if info, err := os.Stat(filepath.Join(storage.Path, "a", "b")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file that only its owner can read", info, err)
	}
	if err := f.Create(t.Context(), "a/b/c", nil); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v below a file, want another error", err)
	}
}
