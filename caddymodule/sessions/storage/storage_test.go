package storage

import (
	"log/slog"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// remote is any storage but the file system's.
type remote struct{ certmagic.FileStorage }

// uncomparable is a storage that cannot be a map's key.
type uncomparable struct {
	remote
	_ []string
}

func taken(t *testing.T, storage certmagic.Storage) *Module {
	t.Helper()
	s := new(Module)
	if err := s.take(storage, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestModule_GatesOnOneStorageShareOneStore(t *testing.T) {
	t.Parallel()
	dir, far := t.TempDir(), &remote{certmagic.FileStorage{Path: t.TempDir()}}
	here := taken(t, &certmagic.FileStorage{Path: dir})
	if again := taken(t, &certmagic.FileStorage{Path: dir + "/."}); again.Store() != here.Store() {
		t.Error("got another store for the same directory, want the same")
	}
	if other := taken(t, &certmagic.FileStorage{Path: t.TempDir()}); other.Store() == here.Store() {
		t.Error("got one store for two directories, want two")
	}
	there := taken(t, far)
	if taken(t, far).Store() != there.Store() {
		t.Error("got two stores for one storage, want one")
	}
	// Caddy may close what far is connected to.
	if next := taken(t, &remote{far.FileStorage}); next.Store() == there.Store() {
		t.Error("got the store of an old configuration, want a new one")
	}
	odd := uncomparable{remote: remote{certmagic.FileStorage{Path: dir}}}
	if taken(t, &odd).Store() == here.Store() {
		t.Error("got the file system's store for another kind of storage, want a new one")
	}
}

func TestModule_CleanupWithoutProvisionReleasesNoStore(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	held := taken(t, storage)
	if err := new(Module).Cleanup(); err != nil {
		t.Error(err)
	}
	if n, _ := shared.Pool.References(keyOf(storage)); n != 1 || held.Store() == nil {
		t.Errorf("got %d references to the store, want 1", n)
	}
}

func TestModule_OnlyTheFileSystemCounts(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	if _, counts := taken(t, files).Store().(store.Counter); !counts {
		t.Error("got no Counter on the file system, want one")
	}
	if _, counts := taken(t, &remote{certmagic.FileStorage{Path: t.TempDir()}}).Store().(store.Counter); counts {
		t.Error("got a Counter on another storage, want none")
	}
}

func TestModule_CaddyfileHasNoOptions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"storage": true, "storage /var/lib/sessions": false, "storage {\npath /var\n}": false} {
		if err := new(Module).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); (err == nil) != want {
			t.Errorf("%q: got %v, want it accepted: %t", text, err, want)
		}
	}
}
