package proxy

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A brokenStore fails at the calls that a test says, and knows how many there were.
type brokenStore struct {
	*Memory
	calls atomic.Int64
	fails func(call int64, operation string) error
}

func (b *brokenStore) fail(operation string) error {
	n := b.calls.Add(1)
	if b.fails == nil {
		return nil
	}
	return b.fails(n, operation)
}

func (b *brokenStore) Load(ctx context.Context, name string) (Record, bool, error) {
	if err := b.fail("load"); err != nil {
		return Record{}, false, err
	}
	return b.Memory.Load(ctx, name)
}

func (b *brokenStore) Save(ctx context.Context, name string, r Record) (Version, error) {
	if err := b.fail("save"); err != nil {
		return "", err
	}
	return b.Memory.Save(ctx, name, r)
}

func (b *brokenStore) Delete(ctx context.Context, name string) error {
	if err := b.fail("delete"); err != nil {
		return err
	}
	return b.Memory.Delete(ctx, name)
}

func (b *brokenStore) Revoke(ctx context.Context, name string, until time.Time) error {
	if err := b.fail("revoke"); err != nil {
		return err
	}
	return b.Memory.Revoke(ctx, name, until)
}

func (b *brokenStore) Revoked(ctx context.Context, names ...string) (bool, error) {
	if err := b.fail("revoked"); err != nil {
		return false, err
	}
	return b.Memory.Revoked(ctx, names...)
}

// A sessionGate is a gate whose sessions begin without a sign-in.
type sessionGate struct {
	*Gate
	t     testing.TB
	store *brokenStore
}

func newSessionGate(t testing.TB, change func(*Config)) *sessionGate {
	t.Helper()
	store := &brokenStore{Memory: newStore(t)}
	_, _, client := newAuthentik(t)
	cfg := Config{Client: client, Store: store, Key: []byte(strings.Repeat("k", seal.MinKey))}
	if change != nil {
		change(&cfg)
	}
	return sessionGateOf(t, cfg, store)
}

// sessionGateOf waits until the gate hears its store: when that begins, all that is remembered is
// forgotten.
func sessionGateOf(t testing.TB, cfg Config, store *brokenStore) *sessionGate {
	t.Helper()
	d := &sessionGate{newGate(t, cfg), t, store}
	awaitWatch(t, d.Gate, true)
	return d
}

// beside is another gate on the same store.
func (d *sessionGate) beside(change func(*Config)) *sessionGate {
	d.t.Helper()
	cfg := d.cfg
	if change != nil {
		change(&cfg)
	}
	return sessionGateOf(d.t, cfg, d.store)
}

var jane = User{Username: "jane", Name: "Jane Doe", Email: "jane@example.com", UID: "5f4dcc3b5aa765d61d8327deb882cf99"}

func recordOf(user User) session.Record {
	return session.Record{
		User: user, Begun: time.Now(), Until: time.Now().Add(time.Hour), Cookies: flowclient.Cookies{"authentik_session": "oven-hot"},
		Addr: somewhere("").Client, UserAgent: "Mozilla/5.0 (secretive)",
	}
}

func (d *sessionGate) begin(user User) string {
	d.t.Helper()
	s, _, err := startSession(d.t.Context(), d.Gate, recordOf(user), somewhere("app.example.com"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.sessions.Forget() // no request has come with it yet
	return s.Cookie()
}

// alive reports whether a cookie opens a session, by the store and not by memory.
func (d *sessionGate) alive(cookie string) bool {
	d.t.Helper()
	d.sessions.Forget()
	return d.opens(cookie)
}

// opens reports whether a cookie opens a session as it does for a request.
func (d *sessionGate) opens(cookie string) bool {
	d.t.Helper()
	s, err := findSession(context.WithoutCancel(d.t.Context()), d.Gate, cookie, somewhere("app.example.com"))
	if err != nil {
		d.t.Fatal(err)
	}
	return s != nil
}

func (d *sessionGate) listed(uid string) []index.Entry {
	d.t.Helper()
	_, list, err := d.sessions.Index.List(d.t.Context(), uid)
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

// stored is how many records of sessions there are.
func (d *sessionGate) stored() int {
	d.t.Helper()
	n, err := d.store.Count(d.t.Context(), "session")
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// countingMetrics counts ends by their reasons.
type countingMetrics struct {
	NopMetrics
	reasons sync.Map
}

func (m *countingMetrics) Ended(reason string) {
	n, _ := m.reasons.LoadOrStore(reason, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

func (m *countingMetrics) ended(reason string) int64 {
	n, _ := m.reasons.LoadOrStore(reason, new(atomic.Int64))
	return n.(*atomic.Int64).Load()
}

func asErr(err error) Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

func (d *sessionGate) kept(name string) []byte {
	d.t.Helper()
	r, found, err := d.store.Memory.Load(d.t.Context(), name)
	if !found || err != nil {
		d.t.Fatalf("%s: got found %v, %v, want the record", name, found, err)
	}
	return r.Value
}
