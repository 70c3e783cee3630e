package rooms

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packages asks go list for the packages of this module.
func packages(t *testing.T) []Package {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", Module+"/...")
	var mistakes bytes.Buffer
	list.Stderr = &mistakes
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: got error %v, want none\n%s", err, mistakes.String())
	}
	var all []Package
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestRooms_FollowTheirRules(t *testing.T) {
	t.Parallel()
	all := packages(t)
	if len(all) < len(Rooms) {
		t.Fatalf("got %d packages, want at least %d", len(all), len(Rooms))
	}
	for _, sentence := range Check(all) {
		t.Error(sentence)
	}
}

func TestRules_ModuleUsesTheAddressThatCaddyResolved(t *testing.T) {
	t.Parallel()
	looked := 0
	err := filepath.WalkDir("../../caddymodule", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && filepath.Base(name) == "walk":
			return fs.SkipDir // it makes requests, and says where they come from
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		looked++
		broken, err := CheckAddresses(name, nil)
		for _, sentence := range broken {
			t.Error(sentence)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 50 {
		t.Fatalf("got %d sources of caddymodule, want those of all its rooms", looked)
	}
}

// whole is a module in which every room is there and keeps its rules.
func whole() []Package {
	var all []Package
	for _, room := range Rooms {
		all = append(all, Package{ImportPath: Module + "/" + room.Path, Deps: []string{"net/http", "vendor/golang.org/x/net/idna", "math/rand"}})
	}
	return all
}

func TestRules_ModuleThatFollowsThemIsAccepted(t *testing.T) {
	t.Parallel()
	all := append(whole(), Package{ImportPath: Module + "/internal/new"})
	for _, allowed := range []struct{ room, path string }{
		{"proxy", Module + "/flowclient"},
		{"proxy", "golang.org/x/net/html"},
		{"caddymodule", Module + "/proxy"},
		{"caddymodule", "github.com/caddyserver/caddy/v2"},
		{"cmd/caddy", Module + "/internal/demo"},
		{"internal/demo", Module + "/internal/authentiktest"},
	} {
		all = link(all, allowed.room, allowed.path)
	}
	if broken := Check(all); len(broken) > 0 {
		t.Error(strings.Join(broken, "\n"))
	}
}

// link adds a dependency to a room.
func link(all []Package, room, path string) []Package {
	for i := range all {
		if all[i].ImportPath == Module+"/"+room {
			all[i].Deps = append(all[i].Deps, path)
		}
	}
	return all
}

func TestBans_EveryViolationIsReported(t *testing.T) {
	t.Parallel()
	for _, room := range Rooms {
		for _, ban := range room.Bans {
			for _, path := range []string{ban.Path, ban.Path + "/below"} {
				broken := strings.Join(Check(link(whole(), room.Path, path)), "\n")
				if want := room.Path + " must not import " + path + ": " + ban.Why; !strings.Contains(broken, want) {
					t.Errorf("%s imports %s: got %q, want the ban", room.Path, path, broken)
				}
			}
		}
	}
}

func TestBans_AllHaveAReason(t *testing.T) {
	t.Parallel()
	for _, room := range Rooms {
		if (len(room.Only) > 0) != (room.OnlyWhy != "") {
			t.Errorf("%s: got a list without a reason, or a reason without a list, want both", room.Path)
		}
		for _, ban := range room.Bans {
			if ban.Path == "" || ban.Why == "" {
				t.Errorf("%s: got the ban %+v, want a path and a reason", room.Path, ban)
			}
		}
	}
}

func TestRules_BrokenOnesAreReported(t *testing.T) {
	t.Parallel()
	random := func(path string) []Package {
		return append(whole(), Package{ImportPath: Module + "/internal/dice", Imports: []string{path}})
	}
	for _, tt := range []struct {
		name string
		all  []Package
		want string
	}{
		{"flowclient with any module", link(whole(), "flowclient", "golang.org/x/text/language"), "flowclient must not import golang.org"},
		{"flowclient with the gate", link(whole(), "flowclient", Module+"/proxy"), "never back"},
		{"proxy with a module that is not listed", link(whole(), "proxy", "example.com/left-pad"), "as few authors as possible"},
		{"proxy with a namesake of what is listed", link(whole(), "proxy", "rsc.io/qrs"), "proxy must not import rsc.io/qrs"},
		{"proxy with Caddy", link(whole(), "proxy", "github.com/caddyserver/caddy/v2/modules/caddyhttp"), "any net/http server"},
		{"proxy with the driver of Redis", link(whole(), "proxy", "github.com/redis/go-redis/v9"), "proxy must not import github.com/redis"},
		{"the module with the stand-in", link(whole(), "caddymodule", Module+"/internal/authentiktest"), "never contains the stand-in"},
		{"the stand-in with the client", link(whole(), "internal/authentiktest", Module+"/flowclient"), "agrees with its mistakes"},
		{"a package with math/rand", random("math/rand"), "crypto/rand"},
		{"a package with math/rand/v2", random("math/rand/v2"), "crypto/rand"},
		{"a room that is gone", whole()[1:], "there is no such package"},
		{"a package without a room", append(whole(), Package{ImportPath: Module + "/proxy/sqlstore"}), "has no room"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if broken := Check(tt.all); !strings.Contains(strings.Join(broken, "\n"), tt.want) {
				t.Errorf("got %q, want something about %q", broken, tt.want)
			}
		})
	}
}

func TestRules_UseOfRemoteAddrIsReported(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		`package p; var who = r.RemoteAddr`:                                      1,
		`package p; func f() { use(r.RemoteAddr, again.Request.RemoteAddr) }`:    2,
		`package p; func f() { r.RemoteAddr = other }`:                           1,
		`package p; var copied = http.Request{RemoteAddr: r.RemoteAddr}`:         0,
		`package p; var mixed = http.Request{Host: r.RemoteAddr}`:                1,
		`package p; // RemoteAddr in a comment, and "r.RemoteAddr" in a string.`: 0,
	} {
		broken, err := CheckAddresses("p.go", source)
		if err != nil {
			t.Fatal(err)
		}
		if len(broken) != want {
			t.Errorf("%s: got %d places, want %d: %q", source, len(broken), want, broken)
		}
	}
	if _, err := CheckAddresses("p.go", "package"); err == nil {
		t.Error("got no error for a file that cannot be read, want one")
	}
}

// TestDriver_OfRedisIsLeftOutByATag: it is half of what the module weighs, and only
// those who use it need it.
func TestDriver_OfRedisIsLeftOutByATag(t *testing.T) {
	t.Parallel()
	for tags, want := range map[string]bool{"": true, "noredis": false} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags, Module+"/caddymodule") //nolint:gosec // of this repository
		out, err := list.Output()
		if err != nil {
			t.Fatalf("-tags %q: got %v, want the packages", tags, err)
		}
		if !strings.Contains(string(out), Module+"/caddymodule/sessions/storage\n") {
			t.Fatalf("-tags %q: got no store, want those besides Redis", tags)
		}
		if got := strings.Contains(string(out), "github.com/redis/go-redis"); got != want {
			t.Errorf("-tags %q: got the driver of Redis %t, want %t", tags, got, want)
		}
	}
}
