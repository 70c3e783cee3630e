package storagestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// childEnv makes this test program a child process on a directory.
const childEnv = "STORAGESTORE_TEST_DIRECTORY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		s := New(asCreator(&certmagic.FileStorage{Path: dir}), slog.New(slog.NewTextHandler(os.Stderr, nil)))
		obey(s, os.Stdin, os.Stdout)
		_ = s.Close()
		return
	}
	os.Exit(m.Run())
}

// obey carries out each line and answers with a line.
func obey(s *Store, in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Fields(lines.Text())
		n, _ := strconv.Atoi(words[2])
		var err error
		switch words[0] {
		case "revoke":
			err = s.Revoke(context.Background(), words[1], time.Now().Add(time.Hour))
		case "lease":
			var held bool
			if _, held, err = s.Lease(context.Background(), words[1], time.Duration(n)*time.Millisecond); !held {
				err = errors.Join(err, errors.New("another has it"))
			}
		case "count":
			err = count(s, words[1], n)
		case "hammer":
			hammer(s, words[1], out)
		}
		_, _ = fmt.Fprintln(out, words[0], words[1], err)
	}
}

// count increments the number in a record.
func count(s *Store, name string, times int) error {
	for done := 0; done < times; {
		r, _, err := s.Load(context.Background(), name)
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(r.Value))
		r.Value, r.Expiry = []byte(strconv.Itoa(n+1)), time.Now().Add(time.Hour)
		switch _, err = s.Save(context.Background(), name, r); {
		case err == nil:
			done++
		case !errors.Is(err, store.ErrConflict):
			return err
		}
	}
	return nil
}

// hammers is how many workers of each kind a child has.
const hammers = 4

// hammer writes, deletes and revokes until it is killed, and reports each name
// that it has revoked.
func hammer(s *Store, prefix string, out io.Writer) {
	_, _ = fmt.Fprintln(out, "begun")
	var all sync.WaitGroup
	for i := range hammers {
		all.Go(func() {
			for n := 0; ; n++ {
				write(s, fmt.Sprintf("%s-%d", prefix, i), n)
			}
		})
		all.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%s-%d-%d", prefix, i, n)
				_, _ = s.Save(context.Background(), name, record("one"))
				if err := s.Revoke(context.Background(), name, time.Now().Add(time.Hour)); err == nil {
					_, _ = fmt.Fprintln(out, "revoked", name)
				}
			}
		})
	}
	all.Wait()
}

// write overwrites a record, and deletes it every fifth time.
func write(s *Store, name string, n int) {
	r, _, _ := s.Load(context.Background(), name)
	r.Value, r.Expiry = []byte(strings.Repeat("x", 20_000)), time.Now().Add(time.Hour)
	_, _ = s.Save(context.Background(), name, r)
	if n%5 == 4 {
		_ = s.Delete(context.Background(), name)
	}
}

// A child is a process on the same storage.
type child struct {
	testing.TB
	process *exec.Cmd
	in      io.Writer
	out     *bufio.Scanner
}

func newChild(t testing.TB, dir string) *child {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t, cmd, in, bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

// kill ends the child as kill -9 does.
func (c *child) kill() {
	_ = c.process.Process.Kill()
	_ = c.process.Wait()
}

func (c *child) begin(order, name string, n int) {
	c.Helper()
	if _, err := fmt.Fprintln(c.in, order, name, n); err != nil {
		c.Fatal(err)
	}
}

func (c *child) end(order, name string) {
	c.Helper()
	if !c.out.Scan() || c.out.Text() != order+" "+name+" <nil>" {
		c.Fatalf("%s %s: got %q from the child", order, name, c.out.Text())
	}
}

func (c *child) do(order, name string, n int) {
	c.Helper()
	c.begin(order, name, n)
	c.end(order, name)
}

func TestProcesses_AreToldOfEachOthersRevocations(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	s, c := open(t, storage), newChild(t, storage.Path)
	told := watch(t, s)
	for i := range 4 {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		c.do("revoke", name, 0)
		expectName(t, told, name)
		expectValue(t, s, name, "")
		if _, err := s.Save(t.Context(), name, r); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a late write: got %v, want a conflict", err)
		}
	}
	c.kill()
	c = newChild(t, storage.Path)
	c.do("revoke", "user-x", 0)
	expectName(t, told, "user-x")
}

func TestProcesses_OfTwoWritersOneWins(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	s, a, b := open(t, storage), newChild(t, storage.Path), newChild(t, storage.Path)
	a.begin("count", "session-count", 12)
	b.begin("count", "session-count", 12)
	a.end("count", "session-count")
	b.end("count", "session-count")
	expectValue(t, s, "session-count", "24")
}

func TestProcesses_LeaseHasOneHolderAndEndsWithoutIt(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	s, c := open(t, storage), newChild(t, storage.Path)
	lease := func(s *Store, want bool) {
		t.Helper()
		if _, held, err := s.Lease(t.Context(), "work", time.Hour); held != want || err != nil {
			t.Fatalf("got held %t, %v, want %t", held, err, want)
		}
	}
	const minute = 60_000 // in milliseconds
	c.do("lease", "work", minute)
	lease(s, false)
	c.kill()
	lease(s, false)
	lease(newAhead(t, storage, 2*time.Minute), true)
}

// rounds is how many processes are killed.
const rounds = 20

// A process is killed again and again, wherever it happens to be. Every
// revocation that it has reported holds, every entry is complete, and its locks
// are given up in time.
func TestProcesses_KilledOnesLeaveOnlyCompleteEntries(t *testing.T) {
	t.Parallel()
	storage := fileStorage(t)
	var said []string
	for round := range rounds {
		c := newChild(t, storage.Path)
		c.begin("hammer", fmt.Sprintf("round-%d", round), 0)
		if !c.out.Scan() || c.out.Text() != "begun" {
			t.Fatalf("got %q from the child, want it to begin", c.out.Text())
		}
		for reports := 0; c.out.Scan(); {
			name, ok := strings.CutPrefix(c.out.Text(), "revoked ")
			if !ok {
				continue
			}
			said = append(said, name)
			if reports++; reports == 1+round%3 {
				// Anywhere in what it does next.
				time.AfterFunc(time.Duration(round*7%30)*time.Millisecond, func() { _ = c.process.Process.Kill() })
			}
		}
		c.kill()
	}
	s, log := newIdle(t, storage)
	for _, name := range said {
		expectRevoked(t, s, name, true)
		expectValue(t, s, name, "")
	}
	everyKey(t, storage, func(key string) {
		if _, ours := nameOf(key); !ours {
			return // being written: the sweeper removes it
		}
		all, err := storage.Load(t.Context(), key)
		if e := decode(key, all); e.torn || err != nil {
			t.Errorf("%s: got %d bytes, %v, want a complete entry", key, len(all), err)
		}
	})
	t.Logf("%d revocations in %d rounds", len(said), rounds)
	expireLocks(t, storage)
	expectWritable(t, s)
	if strings.Contains(log.String(), "not whole") {
		t.Errorf("got this log, want no torn entry in it:\n%s", log)
	}
}

func everyKey(t *testing.T, storage *certmagic.FileStorage, do func(string)) {
	t.Helper()
	keys, err := storage.List(t.Context(), root, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if info, err := storage.Stat(t.Context(), key); err == nil && info.IsTerminal {
			do(key)
		}
	}
}

// expireLocks makes the locks of killed processes as old as they are when the
// file system's storage gives them up, which is after ten seconds.
func expireLocks(t *testing.T, storage *certmagic.FileStorage) {
	t.Helper()
	locks, err := filepath.Glob(filepath.Join(storage.Path, "locks", "*.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d locks are left", len(locks))
	for _, file := range locks {
		if text, err := os.ReadFile(file); err != nil || len(text) == 0 { //nolint:gosec // in a directory of this test
			continue // the process was killed before it wrote a time: the storage waits for none
		}
		writeLock(t, file, time.Now().Add(-time.Hour))
	}
}

// expectWritable writes the records that killed processes were writing.
func expectWritable(t *testing.T, s *Store) {
	t.Helper()
	var all sync.WaitGroup
	for i := range rounds * hammers {
		all.Go(func() {
			name := fmt.Sprintf("round-%d-%d", i/hammers, i%hammers)
			begun := time.Now()
			r, _, err := s.Load(t.Context(), name)
			if err != nil {
				t.Error(err)
			}
			r.Value, r.Expiry = []byte("new"), time.Now().Add(time.Hour)
			if _, err := s.Save(t.Context(), name, r); err != nil {
				t.Errorf("got error %[2]v after %[1]v, want none", time.Since(begun), err)
			}
			if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
