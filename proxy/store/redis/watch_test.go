package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// told is how long a watcher may take to hear of an end, or that it may have missed one.
const told = 2 * time.Second

// A listener is somebody who watches.
type listener struct {
	testing.TB
	names chan string
	done  chan error
	leave func()
}

// listen watches until the test ends, and has heard by then that it can begin.
func listen(t testing.TB, s *Store) *listener {
	t.Helper()
	l := watch(t, s)
	l.expect("", 10*time.Second)
	return l
}

func watch(t testing.TB, s *Store) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{t, make(chan string, 10_000), make(chan error, 1), cancel}
	go func() { l.done <- s.Watch(ctx, func(name string) { l.names <- name }) }()
	t.Cleanup(l.end)
	return l
}

// end stops watching, and holds the watch to end without an error.
func (l *listener) end() {
	l.Helper()
	l.leave()
	select {
	case err := <-l.done:
		if err != nil {
			l.Errorf("the watch has ended: %v", err)
		}
		l.done <- nil
	case <-time.After(told):
		l.Error("the watch goes on")
	}
}

// expect waits for a name; others may come before it.
func (l *listener) expect(want string, within time.Duration) {
	l.Helper()
	deadline := time.After(within)
	for {
		select {
		case got := <-l.names:
			if got == want {
				return
			}
		case <-deadline:
			l.Fatalf("%q was not heard of within %v", want, within)
		}
	}
}

// forget drops what was heard so far.
func (l *listener) forget() {
	for {
		select {
		case <-l.names:
		default:
			return
		}
	}
}

// settle forgets what is still coming in.
func (l *listener) settle() {
	for {
		select {
		case <-l.names:
		case <-time.After(500 * time.Millisecond):
			return
		}
	}
}

func bury(t testing.TB, s *Store, name string) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func TestEveryoneHearsOfAnEnd(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one := open(t, at(server.Address))
	other := open(t, Config{Addresses: []string{server.Address}, Prefix: one.cfg.Prefix})
	stranger := open(t, at(server.Address))
	all := []*listener{listen(t, one), listen(t, one), listen(t, other)}
	alone := listen(t, stranger)
	for i := range 20 {
		name := fmt.Sprintf("session-%d", i)
		bury(t, one, name)
		for _, l := range all {
			l.expect(name, told)
		}
	}
	bury(t, stranger, "session-z")
	alone.expect("session-z", told)
	select {
	case got := <-all[0].names:
		t.Errorf("%q was heard of, which is nobody's here", got)
	default:
	}
}

func TestWhoWatchesOnOneStoreSharesOneConnection(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	var all []*listener
	for range 5 {
		all = append(all, listen(t, s))
	}
	subscribed := func() int64 {
		n, err := s.client.PubSubNumSub(t.Context(), s.channel()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return n[s.channel()]
	}
	if n := subscribed(); n != 1 {
		t.Errorf("%d connections", n)
	}
	for _, l := range all {
		l.end()
	}
	for begun := time.Now(); subscribed() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > told {
			t.Fatal("the connection stays when nobody watches")
		}
	}
	listen(t, s)
}

func TestALostConnectionIsToldAndReplaced(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := redistest.NewWire(t, server.Address)
	far, near := open(t, Config{Addresses: []string{wire.Address}, Prefix: "far:"}), open(t, Config{Addresses: []string{server.Address}, Prefix: "far:"})
	l := listen(t, far)
	for i := range 3 {
		l.forget()
		wire.Break()
		l.expect("", told)
		name := fmt.Sprintf("session-%d", i)
		heardAfter(t, l, near, name)
	}
}

// heardAfter buries until that works and is heard of.
func heardAfter(t *testing.T, l *listener, s *Store, name string) {
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
	t.Fatal("hearing does not come back")
}

// A connection that says nothing looks like one on which nothing happens. Without
// a pulse a session that has ended elsewhere would go on here for as long as the stall lasts.
func TestAConnectionThatStallsIsToldWithinTwoSecondsAndAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := redistest.NewWire(t, server.Address)
	log := new(lines)
	far := open(t, Config{Addresses: []string{wire.Address}, Prefix: "far:", Logger: log.logger()})
	near := open(t, Config{Addresses: []string{server.Address}, Prefix: "far:"})
	l := listen(t, far)
	l.quiet(3 * time.Second)
	wire.Stall()
	for range 4 {
		bury(t, near, "session-a")
		l.forget()
		l.expect("", told)
	}
	wire.Resume()
	heardAfter(t, l, near, "session-b")
	l.settle()
	l.quiet(3 * time.Second)
	for message, want := range map[string]int{"are not heard of": 1, "are heard of again": 1} {
		if got := log.count(message); got != want {
			t.Errorf("%d lines say that sessions %s, not %d", got, message, want)
		}
	}
}

// quiet holds that nothing is told while nothing happens.
func (l *listener) quiet(d time.Duration) {
	l.Helper()
	select {
	case name := <-l.names:
		l.Errorf("%q was told, and nothing has happened", name)
	case <-time.After(d):
	}
}

// Who hears nothing must not believe it: one who is subscribed at a server that
// nobody publishes at any more, as after a failover that it has missed.
func TestASubscriptionThatNothingComesThroughIsFoundOut(t *testing.T) {
	t.Parallel()
	s, elsewhere := open(t, at(redistest.Start(t).Address)), open(t, at(redistest.Start(t).Address))
	e := s.ear()
	began := time.Now()
	sub := s.client.Subscribe(t.Context())
	defer func() { _ = sub.Close() }()
	p := newPulse(time.Now())
	if err := e.subscribe(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	e.client = elsewhere.client // publishes where nobody listens
	go e.beat(ctx, cancel, p)
	for {
		if _, err := e.receive(ctx, sub, p); err != nil {
			break
		}
	}
	if took := time.Since(began); took > told {
		t.Errorf("it took %v", took)
	}
}

func TestNothingIsHeardOfBeforeRedisIsThere(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	log := new(lines)
	s := open(t, Config{Addresses: []string{server.Address}, Logger: log.logger()})
	l := watch(t, s)
	for range 3 {
		l.expect("", told)
	}
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("something was read from a server that is not there")
	}
	server.Restart()
	heardAfter(t, l, s, "session-a")
	if log.count(`"level":"WARN"`) != 1 {
		t.Errorf("the log:\n%s", log)
	}
}

// A watcher that takes its time is told to believe nothing; nothing is dropped in silence.
func TestASlowWatcherLosesNothingInSilence(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var heard []string
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
			heard = append(heard, name)
		})
	}()
	<-begun
	quick := listen(t, s)
	for i := range 3 * cap(store.NewBacklog()) {
		bury(t, s, fmt.Sprintf("session-%d", i))
	}
	last := fmt.Sprintf("session-%d", 3*cap(store.NewBacklog())-1)
	quick.expect(last, 10*time.Second)
	close(gate)
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		all := slices.Clone(heard)
		mu.Unlock()
		if slices.Contains(all, last) {
			if len(all) < 3*cap(store.NewBacklog()) && !slices.Contains(all[1:], "") {
				t.Error("names were dropped, and it was not said")
			}
			return
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatal("the last name never came")
		}
	}
}

// Anybody who may publish can publish anything.
func TestWhatIsNoNameIsNotTold(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	l := listen(t, s)
	for _, text := range []string{"", ".", ".x.1.1", "Session", "session a", "../x", "session-\x00", strings.Repeat("a", 81)} {
		if err := s.client.Publish(t.Context(), s.channel(), text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	bury(t, s, "session-a")
	if got := <-l.names; got != "session-a" {
		t.Errorf("%q was told", got)
	}
}

func TestAClosedStoreTellsItsWatchersAndFails(t *testing.T) {
	t.Parallel()
	log := new(lines)
	s := open(t, Config{Addresses: []string{redistest.Start(t).Address}, Logger: log.logger()})
	l := listen(t, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.expect("", told)
	late := watch(t, s)
	late.expect("", told)
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("a closed store reads")
	}
	if log.String() != "" {
		t.Errorf("it complains of what it was told to do:\n%s", log)
	}
}
