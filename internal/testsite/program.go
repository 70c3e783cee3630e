package testsite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Program is the path of a Caddy with the gate in it. See [Build].
func Program(t testing.TB) string {
	t.Helper()
	return Build(t, "./cmd/caddy")
}

// Build is the path of a program that is built from a package of this module,
// which is named from the module's root. With -short the test is skipped.
//
// All test programs of the module share the file: linking it takes many times
// as long as starting it. The go command leaves the file alone if it is up to
// date, and a lock lets one test program look at a time.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and starts a program")
	}
	once, _ := builds.LoadOrStore(pkg, sync.OnceValues(func() (string, error) { return build(pkg) }))
	path, err := once.(func() (string, error))() //nolint:errcheck,forcetypeassert // all of them are that
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// builds are the programs that this test program has asked for, by package.
var builds sync.Map

func build(pkg string) (_ string, err error) {
	root, err := goCommand("list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", err
	}
	dir, err := sharedDir(root)
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	program := filepath.Join(dir, path.Base(pkg))
	// Without tables for debuggers (-w) the link is shorter. A stack trace does
	// not need them.
	_, err = goCommand("build", "-C", root, "-ldflags=-w", "-o", program, pkg)
	return program, err
}

// goCommand runs the go command, and returns what it prints. It has no
// deadline: others wait for a build that the first test began.
func goCommand(args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "go", args...) //nolint:gosec // all arguments are this file's
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("testsite: go %s: %w\n%s", args[0], err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// sharedDir is a directory for what the test programs of a module share. It is
// below the user's own cache, where no other user of the machine can put a
// program in its place.
func sharedDir(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("testsite: %w", err)
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(cache, "caddy-authentik-test", fmt.Sprintf("%x", sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("testsite: %w", err)
	}
	return dir, nil
}
