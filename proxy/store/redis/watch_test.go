package redis

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// toldWithin is how long it may take until a watcher is told of a revocation, or
// that it may have missed one.
const toldWithin = 2 * time.Second

// A watcher is a caller of Watch.
type watcher struct {
	testing.TB
	names  chan string
	done   chan error
	cancel func()
}

// watchEstablished is watch, and waits until the watch is established.
func watchEstablished(t testing.TB, s *Store) *watcher {
	t.Helper()
	l := watch(t, s)
	l.expect("", 10*time.Second)
	return l
}

// watch watches until the test ends.
func watch(t testing.TB, s *Store) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &watcher{t, make(chan string, 10_000), make(chan error, 1), cancel}
	go func() { l.done <- s.Watch(ctx, func(name string) { l.names <- name }) }()
	t.Cleanup(l.end)
	return l
}

// end cancels the watch, which must end without an error.
func (w *watcher) end() {
	w.Helper()
	w.cancel()
	select {
	case err := <-w.done:
		if err != nil {
			w.Errorf("canceling the watch: got %v, want nil", err)
		}
		w.done <- nil
	case <-time.After(toldWithin):
		w.Error("got no end of the canceled watch, want one")
	}
}

// expect waits for a name; others may come before it.
func (w *watcher) expect(want string, within time.Duration) {
	w.Helper()
	deadline := time.After(within)
	for {
		select {
		case got := <-w.names:
			if got == want {
				return
			}
		case <-deadline:
			w.Fatalf("got no %q within %v", want, within)
		}
	}
}

// drain drops the names that have come.
func (w *watcher) drain() {
	for {
		select {
		case <-w.names:
		default:
			return
		}
	}
}

func revoke(t testing.TB, s *Store, name string) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func TestWatch_EveryWatcherIsToldOfEveryRevocation(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one := open(t, addressed(server.Address))
	other := open(t, Config{Addresses: []string{server.Address}, Prefix: one.cfg.Prefix})
	other2 := open(t, addressed(server.Address))
	all := []*watcher{watchEstablished(t, one), watchEstablished(t, one), watchEstablished(t, other)}
	alone := watchEstablished(t, other2)
	for i := range 20 {
		name := fmt.Sprintf("session-%d", i)
		revoke(t, one, name)
		for _, l := range all {
			l.expect(name, toldWithin)
		}
	}
	revoke(t, other2, "session-z")
	alone.expect("session-z", toldWithin)
	select {
	case got := <-all[0].names:
		t.Errorf("got %q of another prefix, want nothing", got)
	default:
	}
}

func TestWatch_WatchersOfAStoreShareASubscription(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	var all []*watcher
	for range 5 {
		all = append(all, watchEstablished(t, s))
	}
	subscribed := func() int64 {
		n, err := s.client.PubSubNumSub(t.Context(), s.channel()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return n[s.channel()]
	}
	if n := subscribed(); n != 1 {
		t.Errorf("got %d subscriptions, want 1", n)
	}
	for _, l := range all {
		l.end()
	}
	for begun := time.Now(); subscribed() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > toldWithin {
			t.Fatal("got a subscription without watchers, want none")
		}
	}
	watchEstablished(t, s)
}

func TestWatch_LostConnectionIsReportedAndReplaced(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := redistest.NewWire(t, server.Address)
	far, near := open(t, Config{Addresses: []string{wire.Address}, Prefix: "far:"}), open(t, Config{Addresses: []string{server.Address}, Prefix: "far:"})
	l := watchEstablished(t, far)
	for i := range 3 {
		l.drain()
		wire.Break()
		l.expect("", toldWithin)
		name := fmt.Sprintf("session-%d", i)
		expectRecovery(t, l, near, name)
	}
}

// expectRecovery revokes a name until that works and the watcher is told.
func expectRecovery(t *testing.T, l *watcher, s *Store, name string) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 20*time.Second; {
		_ = s.Revoke(t.Context(), name, time.Now().Add(time.Hour)) // Redis may not be back yet
		select {
		case got := <-l.names:
			if got == name {
				return
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("got no name within 20s, want the watch to recover")
}

// A connection that is stalled looks like one on which nothing happens. Without
// heartbeats a session that was revoked elsewhere would last here as long as
// the stall.
func TestWatch_StalledConnectionIsReportedWithinTwoSecondsAndAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	server := redistest.Start(t)
	wire := redistest.NewWire(t, server.Address)
	log := new(lines)
	far := open(t, Config{Addresses: []string{wire.Address}, Prefix: "far:", Logger: log.logger()})
	near := open(t, Config{Addresses: []string{server.Address}, Prefix: "far:"})
	l := watchEstablished(t, far)
	l.quiet()
	wire.Stall()
	for range 3 {
		revoke(t, near, "session-a")
		l.drain()
		l.expect("", toldWithin)
	}
	wire.Resume()
	expectRecovery(t, l, near, "session-b")
	l.quiet()
	for message, want := range map[string]int{"watch failed": 1, "watch established again": 1} {
		if got := log.count(message); got != want {
			t.Errorf("got %d lines with %q in the log, want %d", got, message, want)
		}
	}
}

// quiet waits until no name has come for longer than it takes to notice that a
// subscription does not work. Before that, late names may come.
func (w *watcher) quiet() {
	w.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case <-w.names:
		case <-deadline:
			w.Fatal("got names for 30s while nothing happens, want none")
		case <-time.After(maxSilence + retryEvery):
			return
		}
	}
}

// The subscription is at a server to which nothing is published any more, as
// after a failover that it has missed.
func TestSubscriber_SilentSubscriptionIsNoticed(t *testing.T) {
	t.Parallel()
	s, elsewhere := open(t, addressed(redistest.Start(t).Address)), open(t, addressed(redistest.Start(t).Address))
	sr := s.subscriber()
	began := time.Now()
	sub := s.client.Subscribe(t.Context())
	defer func() { _ = sub.Close() }()
	p := newHeartbeat(time.Now())
	if err := sr.subscribe(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	sr.client = elsewhere.client // publishes where it is not subscribed
	go sr.sendHeartbeats(ctx, cancel, p)
	for {
		if _, err := sr.receive(ctx, sub, p); err != nil {
			break
		}
	}
	if took := time.Since(began); took > toldWithin {
		t.Errorf("noticed after %v, want within %v", took, toldWithin)
	}
}

func TestWatch_IsEstablishedWhenRedisComesUp(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	log := new(lines)
	s := open(t, Config{Addresses: []string{server.Address}, Logger: log.logger()})
	l := watch(t, s)
	for range 3 {
		l.expect("", toldWithin)
	}
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("got no error from a server that is down, want one")
	}
	server.Restart()
	expectRecovery(t, l, s, "session-a")
	if log.count(`"level":"WARN"`) != 1 {
		t.Errorf("got this log, want one warning:\n%s", log)
	}
}

// If names have to be dropped for a slow watcher, it is told so.
func TestWatch_SlowWatcherIsToldOfDroppedNames(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t, "appendfsync no").Address))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var names []string
	gate, begun := make(chan struct{}), make(chan struct{}, 1)
	go func() {
		_ = s.Watch(ctx, func(name string) {
			select {
			case begun <- struct{}{}:
			default:
			}
			<-gate
			mu.Lock()
			defer mu.Unlock()
			names = append(names, name)
		})
	}()
	<-begun
	quick := watchEstablished(t, s)
	for i := range 3 * store.MaxBacklog {
		revoke(t, s, fmt.Sprintf("session-%d", i))
	}
	last := fmt.Sprintf("session-%d", 3*store.MaxBacklog-1)
	quick.expect(last, 10*time.Second)
	close(gate)
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		all := slices.Clone(names)
		mu.Unlock()
		if slices.Contains(all, last) {
			if len(all) < 3*store.MaxBacklog && !slices.Contains(all[1:], "") {
				t.Error("got names dropped without an empty name, want one")
			}
			return
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatal("got no last name within 10s")
		}
	}
}

// Any client with the right to publish can send anything.
func TestWatch_InvalidNamesAreIgnored(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	l := watchEstablished(t, s)
	for _, text := range []string{"", ".", ".x.1.1", "Session", "session a", "../x", "session-\x00", strings.Repeat("a", 81)} {
		if err := s.client.Publish(t.Context(), s.channel(), text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	revoke(t, s, "session-a")
	if got := <-l.names; got != "session-a" {
		t.Errorf("got %q, want session-a", got)
	}
}

func TestClose_WatchersAreToldAndCallsFail(t *testing.T) {
	t.Parallel()
	log := new(lines)
	s := open(t, Config{Addresses: []string{redistest.Start(t).Address}, Logger: log.logger()})
	l := watchEstablished(t, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.expect("", toldWithin)
	late := watch(t, s)
	late.expect("", toldWithin)
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("loading from a closed store: got no error, want one")
	}
	if log.String() != "" {
		t.Errorf("got this log, want an empty one:\n%s", log)
	}
}

// It runs alone: tests in parallel begin when it is over.
func TestClose_NothingRunsAfterwards(t *testing.T) {
	s := open(t, addressed(redistest.Start(t).Address))
	watchEstablished(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, of := range []string{"redis.(*subscriber)", "redis.(*Store).warnOfEviction"} {
		if strings.Contains(string(stacks), of) {
			t.Errorf("got a goroutine of %s, want none:\n%s", of, stacks)
		}
	}
}
