package caddymodule

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
)

const onStorage = "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions storage\n\t}\n\treverse_proxy APP\n}\n"

// storageUsers counts the gates that hold the store on the site's storage.
func (s *site) storageUsers() int {
	var keys []any
	shared.Pool.Range(func(key, _ any) bool {
		if strings.Contains(fmt.Sprint(key), s.storage) {
			keys = append(keys, key)
		}
		return true
	})
	users := 0
	for _, key := range keys {
		n, _ := shared.Pool.References(key)
		users += n
	}
	return users
}

func TestStorage_SessionsOutliveReloadsAndCaddy(t *testing.T) {
	s := newSite(t)
	s.load(onStorage)
	b, out := s.browser(), s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	out.expect(out.follow(out.signIn("/", "bob")), http.StatusOK, `user "bob"`)
	s.load(onStorage + "\n# another configuration\n")
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	if n := s.storageUsers(); n != 1 {
		t.Errorf("got %d gates that hold the store, want 1", n)
	}
	out.do(http.MethodPost, "/.authentik/logout", map[string][]string{"x": {""}})
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := s.storageUsers(); n != 0 {
		t.Errorf("got %d gates that hold the store of a stopped Caddy, want none", n)
	}
	s.load(onStorage)
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	out.expect(out.get("/"), http.StatusSeeOther, "")
}

// Records in the storage name no user.
func TestStorage_NoValueIsReadable(t *testing.T) {
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
				t.Errorf("got %[2]q in clear in %[1]s, want it sealed", path, secret)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
