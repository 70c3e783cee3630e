package proxy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A ledger is a store in which a thief, or a broken disk, can change what is kept.
type ledger struct {
	mu    sync.Mutex
	kept  map[string]Record
	Store // for burials, leases and watching
}

func newLedger(t testing.TB) *ledger { return &ledger{kept: map[string]Record{}, Store: newStore(t)} }

func (l *ledger) Load(_ context.Context, name string) (Record, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.kept[name]
	return r, ok, nil
}

func (l *ledger) Save(_ context.Context, name string, r Record) (Version, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Version = "1"
	l.kept[name] = r
	return r.Version, nil
}

// change replaces the bytes of a record.
func (l *ledger) change(name string, other func([]byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.kept[name]
	r.Value = other(bytes.Clone(r.Value))
	l.kept[name] = r
}

// nameOf is where the session of a cookie is kept.
func nameOf(t testing.TB, g *Gate, cookie string) string {
	t.Helper()
	s, ok := seal.ParseSecret(cookie)
	if !ok {
		t.Fatal("got no cookie, want one")
	}
	at := somewhere("app.example.com")
	return g.member.Shared.Key.Box(seal.KindSession, g.sessions.Realm(at.Host), s).Name()
}

// session returns the cookie of the person's session, whatever its name's end.
func (p *person) session() string {
	at, err := url.Parse(p.site.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.jar.Cookies(at) {
		if strings.HasPrefix(c.Name, "__Host-authentik_gate") {
			return c.Value
		}
	}
	return ""
}

func TestRecord_AlteredOneDoesNotOpen(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	g, cookie := held(t, func(c *Config) { c.Store = store }, session.Record{User: User{Username: "jane"}})
	at, name := somewhere("app.example.com"), nameOf(t, g, cookie)
	other, _, err := startSession(t.Context(), g, session.Record{User: User{Username: "root"}, Until: time.Now().Add(time.Hour)}, at)
	if err != nil {
		t.Fatal(err)
	}
	foreign := store.kept[nameOf(t, g, other.Cookie())].Value
	browser := g.member.Shared.Key.Box(seal.KindBrowser, "x", seal.NewSecret())
	kind, err := browser.Seal(session.Record{User: User{Username: "root"}, Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	good := bytes.Clone(store.kept[name].Value)
	for what, change := range map[string]func([]byte) []byte{
		"one bit":                  func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"the first byte":           func(b []byte) []byte { b[0]++; return b },
		"the last byte":            func(b []byte) []byte { b[len(b)-1]++; return b },
		"half of it":               func(b []byte) []byte { return b[:len(b)/2] },
		"all but a byte":           func(b []byte) []byte { return b[:len(b)-1] },
		"nothing":                  func([]byte) []byte { return nil },
		"more of it":               func(b []byte) []byte { return append(b, 0) },
		"zeros":                    func(b []byte) []byte { return make([]byte, len(b)) },
		"the record of another":    func([]byte) []byte { return foreign },
		"a record of another kind": func([]byte) []byte { return kind },
		"clear JSON":               func([]byte) []byte { return []byte(`{"user":{"username":"root"},"until":"2100-01-01T00:00:00Z"}`) },
	} {
		store.change(name, func([]byte) []byte { return change(bytes.Clone(good)) })
		g.sessions.Forget()
		g.sessions.Forget()
		if s, err := findSession(t.Context(), g, cookie, at); s != nil || err != nil {
			t.Errorf("%s: got %v, %v, want no session", what, s, err)
		}
	}
	store.change(name, func([]byte) []byte { return good })
	g.sessions.Forget()
	g.sessions.Forget()
	if s, err := findSession(t.Context(), g, cookie, at); s == nil || err != nil || s.User.Username != "jane" {
		t.Errorf("got %v, %v for the unchanged record, want the session", s, err)
	}
}

// TestRecord_StoredNamesAndValuesRevealNothing looks through everything that a store gets to see.
func TestRecord_StoredNamesAndValuesRevealNothing(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	s := newSite(t, func(c *Config) { c.Store = store })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	cookie := p.session()
	store.mu.Lock()
	defer store.mu.Unlock()
	if len(store.kept) == 0 || cookie == "" {
		t.Fatal("got no record, want some")
	}
	for name, r := range store.kept {
		for _, secret := range []string{"jane", "Jane Doe", "jane@example.com", "staff", "authentik_session", cookie, "open sesame"} {
			if strings.Contains(name, secret) || bytes.Contains(r.Value, []byte(secret)) {
				t.Errorf("got %[2]q in %[1]s, want no secret", name, secret)
			}
		}
	}
}

// TestRecord_AnotherKeyOpensNothing: who loses the gate's key loses the sessions, and
// signs in again.
func TestRecord_AnotherKeyOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	cfg := s.gate.cfg
	cfg.Key = []byte(strings.Repeat("x", seal.MinKey))
	other := newGate(t, cfg)
	s.Config.Handler = other.Wrap(http.HandlerFunc(s.application))
	before := s.reached()
	if page := p.open("/"); !strings.HasPrefix(page.path, "/.authentik/login") || s.reached() != before {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	if page := p.signIn("jane", "open sesame", "/there"); page.path != "/there" || page.body != "hello jane" {
		t.Errorf("got the page at %s: %s", page.path, page.body)
	}
}

func TestClock_ChangeOfAnHourLosesNoSession(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		s := newSite(t, nil)
		p := s.person(t)
		page := p.send(p.open("/kept"), "uid_field", "jane")
		s.clock.move(by)
		if page = p.send(page, "password", "open sesame"); page.status != http.StatusOK {
			t.Errorf("%v in mid-login: got status %d at %s, want a page", by, page.status, page.path)
		}
		if page = p.signIn("jane", "open sesame", "/kept"); page.path != "/kept" {
			t.Errorf("%v: got %s, want /kept", by, page.path)
		}
		s.clock.move(-by)
		if page = p.open("/kept"); page.path != "/kept" {
			t.Errorf("back from %v: got %s, want /kept", by, page.path)
		}
	}
}

// TestVisit_FromTheFutureIsLogged has two servers of a host whose clocks differ by an
// hour: visitors whose forms alternate between them begin again and again.
func TestVisit_FromTheFutureIsLogged(t *testing.T) {
	t.Parallel()
	for by, want := range map[time.Duration]bool{time.Hour: false, -time.Hour: true} {
		log := new(lines)
		s := newSite(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		p := s.person(t)
		page := p.send(p.open("/kept"), "uid_field", "jane")
		s.clock.move(by)
		p.send(page, "password", "open sesame").says(t, `name="uid_field"`)
		if got := strings.Contains(log.String(), "visit: begun in the future"); got != want {
			t.Errorf("%v: got a warning: %t, want %t:\n%s", by, got, want, log)
		}
	}
}

// TestSignIn_FailsIfTheStoreFails: a store that is full, or has gone read-only.
func TestSignIn_FailsIfTheStoreFails(t *testing.T) {
	t.Parallel()
	full := &fullStore{Store: newStore(t)}
	s := newSite(t, func(c *Config) { c.Store = full })
	p := s.person(t)
	page := p.signIn("jane", "open sesame", "/")
	if page.status != http.StatusServiceUnavailable || p.session() != "" || s.reached() != 0 {
		t.Fatalf("got status %d at %s, and the application was reached %d times", page.status, page.path, s.reached())
	}
	page.says(t, string(fault.SessionsUnavailable))
	full.room = true
	if page = p.signIn("jane", "open sesame", "/"); page.body != "hello jane" || p.session() == "" {
		t.Errorf("got %s at %s once there is room, want a session", page.body, page.path)
	}
}

// A fullStore keeps nothing until there is room.
type fullStore struct {
	Store
	room bool
}

func (f *fullStore) Save(ctx context.Context, name string, r Record) (Version, error) {
	if !f.room {
		return "", errors.New("no space left on device")
	}
	return f.Store.Save(ctx, name, r)
}
