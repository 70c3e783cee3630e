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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// childEnv makes this test program another process on a directory.
const childEnv = "STORAGESTORE_TEST_DIRECTORY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		s := New(&certmagic.FileStorage{Path: dir}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
		obey(s, os.Stdin, os.Stdout)
		_ = s.Close()
		return
	}
	os.Exit(m.Run())
}

// obey does what each line says and answers with a line.
func obey(s *Store, in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Fields(lines.Text())
		n, _ := strconv.Atoi(words[2])
		var err error
		switch words[0] {
		case "bury":
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

// count raises the number in a record, each time from the one that it has read.
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

// hammers is how many are at work in a child.
const hammers = 4

// hammer writes, deletes and buries until it is killed, and says of what it
// has buried when it is done.
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
					_, _ = fmt.Fprintln(out, "buried", name)
				}
			}
		})
	}
	all.Wait()
}

// write writes over a record, or deletes it, every fifth time.
func write(s *Store, name string, n int) {
	r, _, _ := s.Load(context.Background(), name)
	r.Value, r.Expiry = []byte(strings.Repeat("x", 20_000)), time.Now().Add(time.Hour)
	_, _ = s.Save(context.Background(), name, r)
	if n%5 == 4 {
		_ = s.Delete(context.Background(), name)
	}
}

// A child is another process on the same storage.
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
		c.Fatalf("the child says %q of %s %s", c.out.Text(), order, name)
	}
}

func (c *child) do(order, name string, n int) {
	c.Helper()
	c.begin(order, name, n)
	c.end(order, name)
}

func TestProcessesHearOfEachOthersBurials(t *testing.T) {
	t.Parallel()
	storage := files(t)
	s, c := open(t, storage), newChild(t, storage.Path)
	told := watch(t, s)
	for i := range 4 {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		c.do("bury", name, 0)
		hears(t, told, name)
		holds(t, s, name, "")
		if _, err := s.Save(t.Context(), name, r); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a late write: %v", err)
		}
	}
	c.kill()
	c = newChild(t, storage.Path)
	c.do("bury", "user-x", 0)
	hears(t, told, "user-x")
}

func TestOfWritersInTwoProcessesOneWins(t *testing.T) {
	t.Parallel()
	storage := files(t)
	s, a, b := open(t, storage), newChild(t, storage.Path), newChild(t, storage.Path)
	a.begin("count", "session-count", 12)
	b.begin("count", "session-count", 12)
	a.end("count", "session-count")
	b.end("count", "session-count")
	holds(t, s, "session-count", "24")
}

func TestALeaseIsOneProcesssAndEndsWithALostHolder(t *testing.T) {
	t.Parallel()
	storage := files(t)
	s, c := open(t, storage), newChild(t, storage.Path)
	lease := func(want bool) {
		t.Helper()
		if _, held, err := s.Lease(t.Context(), "work", time.Hour); held != want || err != nil {
			t.Fatalf("held %t, %v; want %t", held, err, want)
		}
	}
	c.do("lease", "work", 2000)
	begun := time.Now()
	lease(false)
	c.kill()
	lease(false)
	time.Sleep(time.Until(begun.Add(2100 * time.Millisecond)))
	lease(true)
}

// rounds is how many processes are killed.
const rounds = 20

// A process is killed wherever it happens to be, again and again. Whatever it
// has said holds, everything is whole, and what it held is free when a storage's
// locks are.
func TestKillingAProcessAnywhereLeavesOnlyWholeRecords(t *testing.T) {
	t.Parallel()
	storage := files(t)
	var said []string
	for round := range rounds {
		c := newChild(t, storage.Path)
		c.begin("hammer", fmt.Sprintf("round-%d", round), 0)
		if !c.out.Scan() || c.out.Text() != "begun" {
			t.Fatalf("the child says %q", c.out.Text())
		}
		enough := time.AfterFunc(time.Duration(1+round*37%200)*time.Millisecond, func() { _ = c.process.Process.Kill() })
		for c.out.Scan() {
			if name, ok := strings.CutPrefix(c.out.Text(), "buried "); ok {
				said = append(said, name)
			}
		}
		enough.Stop()
		c.kill()
	}
	if len(said) == 0 {
		t.Fatal("nothing was done in time")
	}
	s, log := still(t, storage)
	for _, name := range said {
		isRevoked(t, s, name, true)
		holds(t, s, name, "")
	}
	everyKey(t, storage, func(key string) {
		if _, ours := named(key); !ours {
			return // half-written: the sweeper takes it away
		}
		all, err := storage.Load(t.Context(), key)
		if e := decode(key, all); e.torn || err != nil {
			t.Errorf("%s is not whole: %d bytes, %v", key, len(all), err)
		}
	})
	t.Logf("%d burials in %d rounds", len(said), rounds)
	nobodyIsKeptOut(t, s)
	if strings.Contains(log.String(), "not whole") {
		t.Errorf("the log says:\n%s", log)
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

// nobodyIsKeptOut writes what the killed were writing. Locks of theirs are
// given up by the file system's storage after ten seconds.
func nobodyIsKeptOut(t *testing.T, s *Store) {
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
				t.Errorf("after %v: %v", time.Since(begun), err)
			}
			if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
