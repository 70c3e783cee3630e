package proxy

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A meeting is a store where the records of a sign-in wait for each other: one
// that was written alone would wait forever.
type meeting struct {
	Store
	guests sync.WaitGroup
	open   atomic.Bool
}

func (m *meeting) Save(ctx context.Context, name string, r Record) (Version, error) {
	if m.open.Load() {
		m.guests.Done()
		m.guests.Wait()
	}
	return m.Store.Save(ctx, name, r)
}

// TestEnter_RecordsAreWrittenAtTheSameTime signs in where each write waits for the
// others: session, list and pointer.
func TestEnter_RecordsAreWrittenAtTheSameTime(t *testing.T) {
	t.Parallel()
	m := &meeting{Store: newStore(t)}
	d := newSessionGate(t, func(c *Config) { c.Store = m })
	m.guests.Add(3)
	m.open.Store(true)
	cookie := make(chan string, 1)
	go func() { cookie <- d.begin(jane) }()
	select {
	case value := <-cookie:
		m.open.Store(false)
		if !d.alive(value) {
			t.Error("got no session, want it stored")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("got a write that waits for another, want them at the same time")
	}
}

// A turnover is a store where another process ends all sessions of a user after a
// sign-in has read the user's list, and before it has written it.
type turnover struct {
	Store
	once  sync.Once
	armed atomic.Bool
	end   func()
}

func (s *turnover) Save(ctx context.Context, name string, r Record) (Version, error) {
	if s.armed.Load() && strings.HasPrefix(name, "roll-") {
		s.once.Do(s.end)
	}
	return s.Store.Save(ctx, name, r)
}

// TestEnter_SessionOfANewEpochIsNotEndedWithTheOldOne has the list change between
// its two reads. The session belongs to the new epoch: it is alive, and ends with
// that one.
func TestEnter_SessionOfANewEpochIsNotEndedWithTheOldOne(t *testing.T) {
	t.Parallel()
	s := &turnover{Store: newStore(t)}
	d := newSessionGate(t, func(c *Config) { c.Store = s })
	before := d.begin(jane)
	other := d.beside(func(c *Config) { c.Store = s.Store })
	s.end = func() {
		if _, err := other.Operator().EndAll(context.WithoutCancel(t.Context()), "jane"); err != nil {
			t.Error(err)
		}
	}
	s.armed.Store(true)
	after := d.begin(jane)
	if d.alive(before) || !d.alive(after) {
		t.Fatalf("got the session before alive: %v, and the one after: %v; want only the one after", d.alive(before), d.alive(after))
	}
	if ended, err := d.Operator().EndAll(t.Context(), "jane"); err != nil || len(ended) != 1 || d.alive(after) {
		t.Errorf("got %v ended, %v, want the session ended with its epoch", ended, err)
	}
}

// A reads is a store that counts how often sessions are loaded.
type reads struct {
	Store
	sessions atomic.Int64
}

func (s *reads) Load(ctx context.Context, name string) (Record, bool, error) {
	if strings.HasPrefix(name, "session-") {
		s.sessions.Add(1)
	}
	return s.Store.Load(ctx, name)
}

func TestEnter_FirstRequestsReadNoStore(t *testing.T) {
	t.Parallel()
	store := &reads{Store: newStore(t)}
	s := newSite(t, func(c *Config) { c.Store = store })
	p := s.person(t)
	awaitWatch(t, s.gate, true)
	if end := p.send(p.send(p.open("/"), "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" {
		t.Fatalf("got status %d: %s", end.status, end.body)
	}
	if n := store.sessions.Load(); n != 0 {
		t.Errorf("got %d loads of the new session, want none", n)
	}
}
