package storagestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// block puts a file where the storage needs a directory: so neither reading nor
// writing works, for root either.
func block(t *testing.T, dir string) (unblock func()) {
	t.Helper()
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore_DiskThatFailsAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storage := virtualFiles(t)
		s := open(t, storage)
		save(t, s, "session-a", record("one"))
		revoke(t, s, "session-b")
		names := watch(t, s)
		unblock := block(t, filepath.Join(storage.Path, root))
		for name, do := range operations {
			if err := do(t.Context(), s); err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: got %v, want another error", name, err)
			}
		}
		expectName(t, names, watchLost)
		unblock()
		expectName(t, names, "")
		expectValue(t, s, "session-a", "one")
		expectRevoked(t, s, "session-b", true)
		revoke(t, s, "session-a")
		expectName(t, names, "session-a")
	})
}

// The directory of the storage is missing, as after an unmount: no session is
// found, and every cache is dropped.
func TestStore_DiskThatIsMissingAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storage := virtualFiles(t)
		s := open(t, storage)
		save(t, s, "session-a", record("one"))
		revoke(t, s, "session-b")
		names := watch(t, s)
		time.Sleep(2 * pollEvery) // until the notice is read, whose loss is to be noticed
		away := storage.Path + ".away"
		if err := os.Rename(storage.Path, away); err != nil {
			t.Fatal(err)
		}
		expectName(t, names, "")
		expectValue(t, s, "session-a", "")
		if err := os.Rename(away, storage.Path); err != nil {
			t.Fatal(err)
		}
		expectName(t, names, "session-b")
		expectValue(t, s, "session-a", "one")
		expectRevoked(t, s, "session-b", true)
	})
}

func TestStore_OnlyTheOwnerMayReadTheFiles(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	s, _ := newIdle(t, storage)
	save(t, s, "session-a", record("one"))
	revoke(t, s, "session-b")
	found := 0
	err := filepath.WalkDir(filepath.Join(storage.Path, root), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found++
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: got mode %v, %v, want none for others", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil || found < 8 {
		t.Errorf("got %d files and directories, %v, want 8 at least", found, err)
	}
}

// The file system's storage refreshes a lock for some seconds after it was
// released, and would do so forever with a lock of the same name that belongs
// to a process that was killed.
func TestSave_LockOfAKilledProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storage := virtualFiles(t)
		s, _ := newIdle(t, storage)
		r := record("one")
		r.Version = save(t, s, "session-a", r)
		r.Version = save(t, s, "session-a", r)
		freeze(t, storage.Path, keyOf(t, records, "session-a"), r.Version)
		begun := time.Now()
		r.Value = []byte("two")
		save(t, s, "session-a", r)
		t.Logf("it took %v", time.Since(begun))
		expectValue(t, s, "session-a", "two")
	})
}

// freeze leaves a lock as a process does that is killed while it writes the next
// version: nothing refreshes it, except by the same name.
func freeze(t *testing.T, dir, key string, v store.Version) {
	t.Helper()
	name, _ := nameOf(key)
	p, err := placeOf(records, name)
	if err != nil {
		t.Fatal(err)
	}
	writeLock(t, filepath.Join(dir, "locks", p.lockOf(string(v))+".lock"), time.Now())
}

// writeLock writes a lock of the file system's storage that was last refreshed
// at that time.
func writeLock(t *testing.T, file string, refreshed time.Time) {
	t.Helper()
	text := refreshed.Format(time.RFC3339Nano)
	if err := os.WriteFile(file, []byte(`{"created":"`+text+`","updated":"`+text+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
}
