package caddymodule

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
)

// A remote storage is any but the file system's.
type remote struct{ certmagic.FileStorage }

// An uncomparable storage cannot be a key.
type uncomparable struct {
	remote
	_ []string
}

func taken(t *testing.T, storage certmagic.Storage) *Storage {
	t.Helper()
	s := new(Storage)
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

func TestGatesOnOneStorageShareOneStore(t *testing.T) {
	t.Parallel()
	dir, far := t.TempDir(), &remote{certmagic.FileStorage{Path: t.TempDir()}}
	here := taken(t, &certmagic.FileStorage{Path: dir})
	if again := taken(t, &certmagic.FileStorage{Path: dir + "/."}); again.Store() != here.Store() {
		t.Error("a directory is another after a reload")
	}
	if other := taken(t, &certmagic.FileStorage{Path: t.TempDir()}); other.Store() == here.Store() {
		t.Error("two directories are one storage")
	}
	there := taken(t, far)
	if taken(t, far).Store() != there.Store() {
		t.Error("gates of one configuration have stores of their own")
	}
	// Caddy may close what far is connected to.
	if next := taken(t, &remote{far.FileStorage}); next.Store() == there.Store() {
		t.Error("a storage of an old configuration is used in the new one")
	}
	odd := uncomparable{remote: remote{certmagic.FileStorage{Path: dir}}}
	if taken(t, &odd).Store() == here.Store() {
		t.Error("another kind of storage is the file system's")
	}
}

func TestAStorageThatWasNeverTakenIsNotGivenBack(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	held := taken(t, storage)
	if err := new(Storage).Cleanup(); err != nil {
		t.Error(err)
	}
	if n, _ := pool.References(storageOf(storage)); n != 1 || held.Store() == nil {
		t.Errorf("%d gates hold the store, and there is one", n)
	}
}

const onStorage = "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions storage\n\t}\n\treverse_proxy APP\n}\n"

// storageUsers counts the gates that hold the store on the site's storage.
func (s *site) storageUsers() int {
	n, _ := pool.References(storageOf(&certmagic.FileStorage{Path: s.storage}))
	return n
}

func TestSessionsInCaddysStorageOutliveReloadsAndCaddy(t *testing.T) {
	s := newSite(t)
	s.load(onStorage)
	b, out := s.browser(), s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	out.expect(out.follow(out.signIn("/", "bob")), http.StatusOK, `user "bob"`)
	s.load(onStorage + "\n# another configuration\n")
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	if n := s.storageUsers(); n != 1 {
		t.Errorf("%d gates hold the store, and there is one", n)
	}
	out.do(http.MethodPost, "/.authentik/logout", map[string][]string{"x": {""}})
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := s.storageUsers(); n != 0 {
		t.Errorf("%d gates hold the store of a Caddy that has stopped", n)
	}
	s.load(onStorage)
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	out.expect(out.get("/"), http.StatusSeeOther, "")
}

// What lies in the storage says nothing of anybody.
func TestNothingInCaddysStorageIsInClear(t *testing.T) {
	s := newSite(t)
	s.load(onStorage)
	b := s.browser()
	b.signIn("/", "ada")
	random := regexp.MustCompile(`[0-9a-f]{64}`) // in which ada is a word now and then
	if err := filepath.WalkDir(s.storage, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // in a directory of this test
		for _, secret := range []string{"ada", "Lovelace", "example.com", "authentik_session", "staff"} {
			if strings.Contains(string(content)+random.ReplaceAllString(filepath.Base(path), ""), secret) {
				t.Errorf("%s has %q in clear", path, secret)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSessionsStorageHasNoOptions(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{"/var/lib/sessions", "{\n\t\t\tpath /var\n\t\t}"} {
		got := adapt(t, "app.example.com {\n\tauthentik https://auth.example.com {\n\t\tsessions storage "+rest+"\n\t}\n}\n")
		if !strings.Contains(got, "sessions storage has no options; which storage it is, Caddy's global option storage says") {
			t.Errorf("%s: %q", rest, got)
		}
	}
}
