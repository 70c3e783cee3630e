package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/caddymodule/sessions/storage/storagestore"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/redis"
)

const (
	// small is how many sessions the store has that a large one is compared with.
	small = 1000
	// writers is how many records are written at once.
	writers = 64
	// recordSize is the size of a sealed session with twenty groups.
	recordSize = 1024
)

// large compares a Caddy whose store has many sessions with one whose store has few:
// its memory, how long it takes to count and to list them, its garbage collector's
// pauses, and the slowest requests of a signed-in visitor.
func large(ctx context.Context, s *stage, o options) error {
	kinds := []string{"storage"}
	if _, err := exec.LookPath("redis-server"); err == nil {
		kinds = append(kinds, "redis")
	} else {
		fmt.Println("there is no redis-server: sessions in Redis are left out")
	}
	for _, kind := range kinds {
		few, err := s.crowd(ctx, o, kind, small)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		many, err := s.crowd(ctx, o, kind, o.sessions)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if err := compareCrowds(ctx, o, kind, few, many); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

// A crowd is a Caddy whose store has a number of sessions, and what was measured
// there.
type crowd struct {
	process        *process
	admin          string
	request        exchange
	sessions       int
	median, slow   []float64 // of each turn, in µs
	first, again   time.Duration
	counted, pause string
	list           time.Duration
}

// crowd fills a store and starts a Caddy for it.
func (s *stage) crowd(ctx context.Context, o options, kind string, n int) (*crowd, error) {
	to, global, options, err := s.store(kind)
	if err != nil {
		return nil, err
	}
	c := &crowd{}
	begun := time.Now()
	if c.sessions, err = populate(ctx, to, n, o.fill); err != nil {
		return nil, err
	}
	fmt.Printf("%s: %d sessions written in %v\n", kind, c.sessions, time.Since(begun).Round(time.Second/10))
	if c.admin, err = free(s.untilClose); err != nil {
		return nil, err
	}
	p, at, err := s.start("\tadmin "+c.admin+"\n"+global, s.gate("gate", options))
	if err != nil {
		return nil, err
	}
	cookie, err := signIn(ctx, http.DefaultTransport, "http://"+at["gate"], visitor(1))
	c.process, c.request = p, exchange{address: at["gate"], request: request(at["gate"], cookie), status: "200"}
	return c, err
}

// store opens a new store, and returns the options by which a Caddy uses it.
func (s *stage) store(kind string) (to store.Store, global, gate string, err error) {
	if kind == "storage" {
		dir, err := os.MkdirTemp(s.directory, "storage-")
		files := unsynced{&certmagic.FileStorage{Path: dir}}
		return storagestore.New(files, slog.New(slog.DiscardHandler)), "\tstorage file_system " + dir + "\n", "\t\tsessions storage\n", err
	}
	address, err := s.redis("redis-server")
	if err != nil {
		return nil, "", "", err
	}
	to, err = redis.New(redis.Config{Addresses: []string{address}, PoolSize: writers})
	return to, "", "\t\tsessions redis {\n\t\t\taddress " + address + "\n\t\t}\n", err
}

// unsynced writes new files without waiting for the disk: a crash would lose only
// what was written for this measurement.
type unsynced struct{ *certmagic.FileStorage }

// Create implements storagestore.Creator.
func (u unsynced) Create(_ context.Context, key string, value []byte) error {
	name := filepath.Join(u.Path, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, value, 0o600)
}

// populate writes sessions through a store, as many as it can in a time, and closes it.
// No cookie opens them, which makes no difference to what is measured.
func populate(ctx context.Context, to store.Store, n int, within time.Duration) (int, error) {
	var (
		group       sync.WaitGroup
		asked, done atomic.Int64
		errs        = make([]error, writers)
		ends        = time.Now().Add(within)
	)
	r := store.Record{Value: make([]byte, recordSize), Expiry: time.Now().Add(24 * time.Hour)}
	_, _ = rand.Read(r.Value) // never fails, see its documentation
	for i := range writers {
		group.Go(func() {
			var name [16]byte
			for errs[i] == nil && asked.Add(1) <= int64(n) && time.Now().Before(ends) {
				_, _ = rand.Read(name[:])
				if _, errs[i] = to.Save(ctx, "session-"+hex.EncodeToString(name[:]), r); errs[i] == nil {
					done.Add(1)
				}
			}
		})
	}
	group.Wait()
	if closing, ok := to.(io.Closer); ok {
		errs = append(errs, closing.Close())
	}
	return int(done.Load()), firstOf(errs)
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// compareCrowds lets two Caddys take turns, and prints what came of it.
func compareCrowds(ctx context.Context, o options, kind string, few, many *crowd) error {
	ratios := make([]float64, 0, o.rounds)
	for n := range o.rounds {
		both := []*crowd{few, many}
		if n%2 == 1 {
			slices.Reverse(both)
		}
		for _, c := range both {
			if err := c.turn(ctx, o); err != nil {
				return err
			}
		}
		ratios = append(ratios, many.slow[n]/few.slow[n])
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(table, "\nsessions %s\tcounted\ttook\tagain\tlisted a user's in\tMB of memory\tlongest pause\tp50 µs\tp99 µs\n", kind)
	for _, c := range []*crowd{few, many} {
		if err := c.ask(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%v\t%v\t%v\t%d\t%s\t%.0f\t%.0f\n", c.sessions, c.counted, c.first, c.again, c.list,
			c.process.memory()>>20, c.pause, median(c.median), median(c.slow))
	}
	_ = table.Flush()
	fmt.Printf("p99 with many : p99 with few   %s\n\n", spread(ratios))
	return nil
}

// turn sends requests for a while and notes how long they took.
func (c *crowd) turn(ctx context.Context, o options) error {
	var (
		mu   sync.Mutex
		took []float64
	)
	e := c.request
	e.took = func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		took = append(took, float64(d)/float64(time.Microsecond))
	}
	if _, err := hammer(ctx, e, o.connections, o.requests, o.round); err != nil {
		return err
	}
	if len(took) == 0 {
		return errNothing
	}
	slices.Sort(took)
	c.median, c.slow = append(c.median, took[len(took)/2]), append(c.slow, took[len(took)*99/100])
	return nil
}

var (
	countedSessions = regexp.MustCompile(`(?m)^caddy_authentik_sessions\{[^}]*\} (\S+)$`)
	longestPause    = regexp.MustCompile(`(?m)^go_gc_duration_seconds\{quantile="1"\} (\S+)$`)
)

// ask asks for the metrics, which are counted for the first request, and lists the
// sessions of a user.
func (c *crowd) ask(ctx context.Context) error {
	var text string
	for _, took := range []*time.Duration{&c.first, &c.again} {
		begun := time.Now()
		var err error
		if text, err = get(ctx, "http://"+c.admin+"/metrics"); err != nil {
			return err
		}
		*took = time.Since(begun).Round(time.Millisecond)
	}
	c.counted, c.pause = "-", "-"
	if found := countedSessions.FindStringSubmatch(text); found != nil {
		n, _ := strconv.ParseFloat(found[1], 64)
		c.counted = fmt.Sprintf("%.0f", n)
	}
	if found := longestPause.FindStringSubmatch(text); found != nil {
		seconds, _ := strconv.ParseFloat(found[1], 64)
		c.pause = time.Duration(seconds * float64(time.Second)).Round(time.Microsecond).String()
	}
	begun := time.Now()
	_, err := get(ctx, "http://"+c.admin+"/authentik/sessions?user="+visitor(1))
	c.list = time.Since(begun).Round(100 * time.Microsecond)
	return err
}

func get(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	status, body, err := do(http.DefaultClient, r)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d: %.200q", address, status, body)
	}
	return body, err
}
