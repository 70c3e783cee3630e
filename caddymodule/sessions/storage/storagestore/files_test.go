package storagestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// block puts a file where the storage wants a directory: so it can be neither
// read nor written, by root either.
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

func TestADiskThatFailsAndComesBack(t *testing.T) {
	t.Parallel()
	storage := files(t)
	s := open(t, storage)
	save(t, s, "session-a", record("one"))
	bury(t, s, "session-b")
	told := watch(t, s)
	unblock := block(t, filepath.Join(storage.Path, root))
	for name, do := range operations {
		if err := do(t.Context(), s); err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrConflict) {
			t.Errorf("%s says %v", name, err)
		}
	}
	hears(t, told, deaf)
	unblock()
	hears(t, told, "")
	holds(t, s, "session-a", "one")
	isRevoked(t, s, "session-b", true)
	bury(t, s, "session-a")
	hears(t, told, "session-a")
}

// The directory of the storage is gone as after an unmount: nobody is let in,
// and nothing that was remembered is believed.
func TestADiskThatIsGoneAndBack(t *testing.T) {
	t.Parallel()
	storage := files(t)
	s := open(t, storage)
	save(t, s, "session-a", record("one"))
	bury(t, s, "session-b")
	told := watch(t, s)
	time.Sleep(2 * hearEvery) // until the notice is read, whose going is to be noticed
	away := storage.Path + ".away"
	if err := os.Rename(storage.Path, away); err != nil {
		t.Fatal(err)
	}
	hears(t, told, "")
	holds(t, s, "session-a", "")
	if err := os.Rename(away, storage.Path); err != nil {
		t.Fatal(err)
	}
	hears(t, told, "session-b")
	holds(t, s, "session-a", "one")
	isRevoked(t, s, "session-b", true)
}

func TestNobodyElseOnTheMachineMayReadWhatIsKept(t *testing.T) {
	t.Parallel()
	storage := files(t)
	s, _ := still(t, storage)
	save(t, s, "session-a", record("one"))
	bury(t, s, "session-b")
	found := 0
	err := filepath.WalkDir(filepath.Join(storage.Path, root), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found++
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil || found < 8 {
		t.Errorf("%d things, %v", found, err)
	}
}

// The file system's storage refreshes a lock for some seconds after it was given back, and
// would do so for ever with one of the same name that belongs to a process that was killed.
func TestALockOfTheKilledIsFreeAlthoughThisProcessHadItBefore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until a lock is given up")
	}
	storage := files(t)
	s, _ := still(t, storage)
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	r.Version = save(t, s, "session-a", r)
	freeze(t, storage.Path, key(t, records, "session-a"), r.Version)
	begun := time.Now()
	r.Value = []byte("two")
	save(t, s, "session-a", r)
	t.Logf("it took %v", time.Since(begun))
	holds(t, s, "session-a", "two")
}

// freeze puts a lock there as a process leaves it that is killed while it writes
// the next version: nothing refreshes it, unless somebody here knows the name.
func freeze(t *testing.T, dir, key string, v store.Version) {
	t.Helper()
	name, _ := named(key)
	p, err := at(records, name)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Format(time.RFC3339Nano)
	file := filepath.Join(dir, "locks", p.lockOf(string(v))+".lock")
	if err := os.WriteFile(file, []byte(`{"created":"`+at+`","updated":"`+at+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
}
