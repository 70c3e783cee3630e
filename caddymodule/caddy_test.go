package caddymodule

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

const oneLine = `SITE {
	authentik AUTHENTIK
	reverse_proxy APP
}
`

func TestOneLineIsAWholeSetUp(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	b := s.browser()
	if to := b.expect(b.get("/ledger?page=2"), http.StatusSeeOther, "").Header.Get("Location"); !strings.HasPrefix(to, "/.authentik/login?to=") {
		t.Fatalf("led to %q", to)
	}
	end := b.signIn("/ledger?page=2", "ada")
	if to := end.Header.Get("Location"); end.StatusCode != http.StatusSeeOther || to != "/ledger?page=2" {
		t.Fatalf("the sign-in ended with %d at %q:\n%s", end.StatusCode, to, end.body)
	}
	b.expect(b.follow(end), http.StatusOK, `user "ada"`)
	seen := s.app.seen()
	for name, want := range map[string]string{
		"Remote-User": "ada", "Remote-Name": "Ada Lovelace", "Remote-Email": "ada@example.com", "Remote-Groups": "staff,x%2Cadmins",
		"Cookie": "",
	} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	out := b.do(http.MethodPost, "/.authentik/logout", map[string][]string{"x": {""}})
	if out.StatusCode >= http.StatusBadRequest {
		t.Errorf("sign-out: %d\n%s", out.StatusCode, out.body)
	}
	b.expect(b.get("/ledger"), http.StatusSeeOther, "")
	if s.app.seen() != nil {
		t.Error("a request reached the application after the sign-out")
	}
}

func TestAWrongPasswordOpensNothing(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	b := s.browser()
	page := b.fill(b.follow(b.get("/")), "uid_field", "ada")
	b.expect(b.fill(page, "password", "wrong"), http.StatusOK, `role="alert"`)
	b.expect(b.get("/"), http.StatusSeeOther, "")
	if s.app.seen() != nil {
		t.Error("a request reached the application")
	}
}

func TestAReloadKeepsSessionsAndVisits(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	signedIn, amid := s.browser(), s.browser()
	signedIn.signIn("/", "ada")
	page := amid.fill(amid.follow(amid.get("/half")), "uid_field", "bob")

	s.load(oneLine + "\n# another configuration\n" + strings.ReplaceAll(oneLine, "SITE", "http://other.example.com:PORT"))
	signedIn.expect(signedIn.get("/"), http.StatusOK, `user "ada"`)
	end := amid.end(amid.fill(page, "password", "secret"))
	amid.expect(amid.follow(end), http.StatusOK, `user "bob"`)

	if err := s.try("", "SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust /does/not/exist\n\t}\n}\n"); err == nil {
		t.Fatal("a file that is not there was trusted")
	}
	signedIn.expect(signedIn.get("/"), http.StatusOK, `user "ada"`)
}

func TestCaddyStartsWhileAuthentikIsDown(t *testing.T) {
	s := newSite(t)
	s.standIn.Close()
	s.load(oneLine)
	b := s.browser()
	b.expect(b.follow(b.get("/")), http.StatusServiceUnavailable, "authentik-unreachable")
}

func TestSessionsGoOnWhileAuthentikIsDown(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	b := s.browser()
	b.signIn("/", "ada")
	s.standIn.Close()
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
}

func TestTheKeyIsKeptInCaddysStorage(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	file := filepath.Join(s.storage, "authentik", "key")
	first, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
	if err != nil || len(first) != keySize {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the key: %v, %v", info.Mode(), err)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	s.load(oneLine)
	second, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
	if err != nil || string(first) != string(second) {
		t.Errorf("the key is another after a start: %v", err)
	}
	if err := os.WriteFile(file, []byte("spoiled"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.try("", oneLine); err == nil || strings.Contains(err.Error(), "spoiled") {
		t.Errorf("a spoiled key was taken: %v", err)
	}
}

func TestAConfiguredKeyNeedsNoStorage(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tkey 0123456789abcdef0123456789abcdef\n\t}\n\treverse_proxy APP\n}\n")
	if _, err := os.Stat(filepath.Join(s.storage, "authentik")); !os.IsNotExist(err) {
		t.Errorf("a key was kept all the same: %v", err)
	}
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
}

// Nothing of a gate is left when the last configuration with it has gone, nor
// when its Provision has failed half-way.
func TestEverythingIsGivenBack(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	before := s.storageUsers()
	for _, failing := range []string{
		"SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust /does/not/exist\n\t}\n}\n",
		"SITE {\n\tauthentik AUTHENTIK\n\tauthentik AUTHENTIK {\n\t\tlifetime {env.GATE_THAT_IS_NOT_SET}\n\t}\n}\n",
		oneLine + "http://127.0.0.1:0/ {\n\ttls /does/not/exist /does/not/exist\n}\n",
	} {
		if err := s.try("", failing); err == nil {
			t.Fatalf("this was taken:\n%s", failing)
		}
		if after := s.storageUsers(); after != before {
			t.Errorf("%d gates hold the store, and before it were %d", after, before)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if after := s.storageUsers(); after != 0 {
		t.Errorf("%d gates hold the store of a Caddy that has stopped", after)
	}
	pool.Range(func(key, _ any) bool {
		t.Errorf("%T is left in the pool", key)
		return true
	})
}
