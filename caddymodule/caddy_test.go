package caddymodule

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gatekey"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
)

const oneLine = `SITE {
	authentik AUTHENTIK
	reverse_proxy APP
}
`

func TestDirective_NeedsOneLine(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	b := s.browser()
	if to := b.expect(b.get("/ledger?page=2"), http.StatusSeeOther, "").Header.Get("Location"); !strings.HasPrefix(to, "/.authentik/login?to=") {
		t.Fatalf("got a redirect to %q, want the sign-in", to)
	}
	end := b.signIn("/ledger?page=2", "ada")
	if to := end.Header.Get("Location"); end.StatusCode != http.StatusSeeOther || to != "/ledger?page=2" {
		t.Fatalf("got status %d at %q, want a redirect to /ledger?page=2:\n%s", end.StatusCode, to, end.body)
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
		t.Errorf("got status %d, want a sign-out:\n%s", out.StatusCode, out.body)
	}
	b.expect(b.get("/ledger"), http.StatusSeeOther, "")
	if s.app.seen() != nil {
		t.Error("got a request at the application after the sign-out, want none")
	}
}

func TestSignIn_WithAWrongPasswordOpensNothing(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	b := s.browser()
	page := b.fill(b.follow(b.get("/")), "uid_field", "ada")
	b.expect(b.fill(page, "password", "wrong"), http.StatusOK, `role="alert"`)
	b.expect(b.get("/"), http.StatusSeeOther, "")
	if s.app.seen() != nil {
		t.Error("got a request at the application, want none")
	}
}

func TestReload_KeepsSessionsAndVisits(t *testing.T) {
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
		t.Fatal("got a missing file trusted, want an error")
	}
	signedIn.expect(signedIn.get("/"), http.StatusOK, `user "ada"`)
}

func TestCaddy_StartsWhileAuthentikIsDown(t *testing.T) {
	s := newSite(t)
	s.standIn.Close()
	s.load(oneLine)
	b := s.browser()
	b.expect(b.follow(b.get("/")), http.StatusServiceUnavailable, "authentik-unreachable")
}

func TestSessions_GoOnWhileAuthentikIsDown(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	b := s.browser()
	b.signIn("/", "ada")
	s.standIn.Close()
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
}

// The storage is emptied, and the configuration is loaded again before the key was
// written again.
func TestKey_OutlivesAnEmptiedStorageAndAReload(t *testing.T) {
	const keptInMemory = "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions memory\n\t}\n\treverse_proxy APP\n}\n"
	s := newSite(t)
	s.load(keptInMemory)
	b := s.browser()
	b.signIn("/", "ada")
	file := filepath.Join(s.storage, "authentik", "key")
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	s.load(keptInMemory + "\n# another configuration\n")
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	s.browser().get("/")
	if _, err := os.Stat(file); err == nil {
		t.Error("got another key in the storage, want none until the old one is written again")
	}
}

func TestKey_IsKeptInCaddysStorage(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	s.browser().get("/")
	file := filepath.Join(s.storage, "authentik", "key")
	first, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
	if err != nil || len(first) != gatekey.Size {
		t.Fatalf("got %d bytes, %v, want %d", len(first), err, gatekey.Size)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got mode %v, %v, want no permissions for others", info.Mode(), err)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	s.load(oneLine)
	s.browser().get("/")
	second, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
	if err != nil || string(first) != string(second) {
		t.Errorf("got another key after a restart, %v", err)
	}
	if err := os.WriteFile(file, []byte("spoiled"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.try("", oneLine); err == nil || strings.Contains(err.Error(), "spoiled") {
		t.Errorf("got %v for a damaged key, want an error without it", err)
	}
}

// Caddy provisions a configuration to validate it. The storage may be that of
// another machine, or one that must not be written to.
func TestKey_IsNotCreatedByValidation(t *testing.T) {
	s := newSite(t)
	for _, store := range []string{"storage", "memory"} {
		config := s.adapt("", "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions "+store+"\n\t}\n\treverse_proxy APP\n}\n")
		var parsed caddy.Config
		if err := json.Unmarshal(config, &parsed); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&parsed); err != nil {
			t.Fatal(err)
		}
		s.expectEmptyStorage()
	}
	s.load(oneLine)
	s.expectEmptyStorage()
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
}

// expectEmptyStorage fails if a file is in the storage.
func (s *site) expectEmptyStorage() {
	s.Helper()
	_ = filepath.WalkDir(s.storage, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			s.Errorf("got the file %s, want an empty storage", path)
		}
		return err
	})
}

// One request creates the key, and those at the same time wait for it.
func TestKey_IsCreatedByTheFirstRequests(t *testing.T) {
	s := newSite(t)
	s.load(strings.ReplaceAll(oneLine, "SITE", "http://other.example.com:PORT") + oneLine)
	var requests sync.WaitGroup
	for range 16 {
		b := s.browser()
		requests.Go(func() {
			for _, host := range []string{"localhost", "other.example.com"} {
				if a, err := b.send(http.MethodGet, "http://"+host+"/.authentik/login", nil); err != nil || a.StatusCode != http.StatusOK {
					t.Errorf("got %v, %v, want the sign-in page", a.Response, err)
				}
			}
		})
	}
	requests.Wait()
	if _, err := os.Stat(filepath.Join(s.storage, "authentik", "key")); err != nil {
		t.Error(err)
	}
}

// Without a key nothing passes, and handle_errors gets nothing to pass on.
func TestKey_ThatCannotBeCreatedClosesTheSite(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik /closed/* AUTHENTIK\n\treverse_proxy APP\n\thandle_errors {\n\t\treverse_proxy APP\n\t}\n}\n")
	if err := os.WriteFile(filepath.Join(s.storage, "authentik"), nil, 0o600); err != nil { // where a directory is needed
		t.Fatal(err)
	}
	b := s.browser()
	for _, path := range []string{"/closed/x", "/open", "/.authentik/login"} {
		b.expect(b.get(path), http.StatusServiceUnavailable, "sessions-unavailable")
	}
	program := s.browser()
	program.header.Set("Accept", "application/json")
	for b, want := range map[*browser]string{b: "text/html; charset=utf-8", program: "application/problem+json"} {
		if got := b.get("/closed/x").Header.Get("Content-Type"); got != want {
			t.Errorf("got the type %q, want %q", got, want)
		}
	}
	if s.app.seen() != nil {
		t.Error("got a request at the application, want none")
	}
	if err := os.Remove(filepath.Join(s.storage, "authentik")); err != nil {
		t.Fatal(err)
	}
	b.expect(b.follow(b.signIn("/closed/x", "ada")), http.StatusOK, `user "ada"`)
}

func TestKey_IfConfiguredNeedsNoStorage(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tkey 0123456789abcdef0123456789abcdef\n\t}\n\treverse_proxy APP\n}\n")
	if _, err := os.Stat(filepath.Join(s.storage, "authentik")); !os.IsNotExist(err) {
		t.Errorf("got error %v, want no key in the storage", err)
	}
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
}

// Nothing of a gate is left when the last configuration with it has gone, nor
// when its Provision has failed half-way.
func TestCleanup_GivesEverythingBack(t *testing.T) {
	s := newSite(t)
	s.load(oneLine)
	before := s.storageUsers()
	for _, failing := range []string{
		"SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust /does/not/exist\n\t}\n}\n",
		"SITE {\n\tauthentik AUTHENTIK\n\tauthentik AUTHENTIK {\n\t\tlifetime {env.GATE_THAT_IS_NOT_SET}\n\t}\n}\n",
		oneLine + "http://127.0.0.1:0/ {\n\ttls /does/not/exist /does/not/exist\n}\n",
	} {
		if err := s.try("", failing); err == nil {
			t.Fatalf("got no error, want it refused:\n%s", failing)
		}
		if after := s.storageUsers(); after != before {
			t.Errorf("got %d gates that hold the store, want %d as before", after, before)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if after := s.storageUsers(); after != 0 {
		t.Errorf("got %d gates that hold the store of a stopped Caddy, want none", after)
	}
	shared.Pool.Range(func(key, _ any) bool {
		t.Errorf("got %T left in the pool, want it empty", key)
		return true
	})
}
