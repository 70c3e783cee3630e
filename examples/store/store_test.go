//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s := New(dir)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A store on a network uses storetest.Run instead.
func TestStore_KeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunVirtual(t, func(t testing.TB) store.Store { return open(t, t.TempDir()) })
}

func record(value string) store.Record {
	return store.Record{Value: []byte(value), Expiry: time.Now().Add(time.Hour)}
}

func save(t *testing.T, s *Store, name string) {
	t.Helper()
	if _, err := s.Save(t.Context(), name, record(name)); err != nil {
		t.Fatal(err)
	}
}

func revoke(t *testing.T, s *Store, name string) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func TestStore_SessionsSurviveTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := open(t, dir)
	save(t, before, "session-a")
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	r, found, err := open(t, dir).Load(t.Context(), "session-a")
	if !found || err != nil || string(r.Value) != "session-a" {
		t.Errorf("got %q (found %t, %v), want the session", r.Value, found, err)
	}
}

// watch returns the names that a watch is told, once it is established.
func watch(t *testing.T, s *Store) <-chan string {
	t.Helper()
	names := make(chan string, 100_000)
	go func() {
		if err := s.Watch(t.Context(), func(name string) { names <- name }); err != nil {
			t.Errorf("got %v, want the watch to end without an error", err)
		}
	}()
	expectName(t, names, "")
	return names
}

func expectName(t *testing.T, names <-chan string, want string) {
	t.Helper()
	select {
	case got := <-names:
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	case <-time.After(2 * time.Second):
		t.Fatalf("got no %q within two seconds", want)
	}
}

// Two stores on one directory behave as two processes do: a lock of a file
// belongs to the open file, and not to a process.
func TestWatch_OtherProcessesAreToldOfEveryRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		here, there := open(t, dir), open(t, dir)
		revoke(t, here, "session-before")
		names := watch(t, there)
		for i := range 5 {
			name := fmt.Sprintf("session-%d", i)
			revoke(t, here, name)
			expectName(t, names, name)
		}
	})
}

func TestWatch_NewFileOfRevokedNamesDropsTheCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		names := watch(t, s)
		if err := os.WriteFile(s.revokedFile(), []byte(strings.Repeat("\n", maxRevoked+1)), 0o600); err != nil {
			t.Fatal(err)
		}
		revoke(t, s, "session-a")
		expectName(t, names, "")
		revoke(t, s, "session-b")
		expectName(t, names, "session-b")
		if info, err := os.Stat(s.revokedFile()); err != nil || info.Size() > 100 {
			t.Errorf("got %v, %v, want a short file", info, err)
		}
	})
}

func TestWatch_FailsWithoutItsDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, file)
	if err := s.Watch(t.Context(), func(name string) { t.Errorf("got %q, want no name", name) }); err == nil {
		t.Error("got no error, want one")
	}
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("got no error, want one: the session may exist")
	}
}

func TestLock_WaitersLeaveWhenTheirContextIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		unlock, err := s.lock(t.Context(), "session-a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Save(ctx, "session-a", record("one")); err == nil {
			t.Error("got no error while another caller writes, want one")
		}
		unlock()
		save(t, s, "session-a")
	})
}

func TestSweep_RemovesWhatHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		save(t, s, "session-a")
		revoke(t, s, "session-b")
		if _, _, err := s.Lease(t.Context(), "work", time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		for _, kind := range []string{records, tombstones, leases} {
			files, err := os.ReadDir(filepath.Join(s.dir, kind))
			if len(files) > 0 || err != nil {
				t.Errorf("%s: got %v, %v, want none", kind, files, err)
			}
		}
	})
}
