package proxy

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

func TestIndex_ListsWhatAnOperatorMayKnow(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, func(c *Config) { c.Flow = "login" })
	d.begin(jane)
	cookie := d.begin(jane)
	d.begin(User{Username: "joe", UID: "joe"})
	list, err := d.Operator().SessionsOf(t.Context(), "jane")
	if err != nil || len(list) != 2 {
		t.Fatalf("got %v, %v", list, err)
	}
	if !d.opens(cookie) {
		t.Fatal("got no session, want one")
	}
	newest := list[0]
	s, _ := findSession(t.Context(), d.Gate, cookie, somewhere("app.example.com"))
	if newest.ID != s.ID() || newest.User != "jane" || newest.Site != "app.example.com" || newest.Flow != "login" ||
		newest.Address.String() != "203.0.113.7" || newest.Agent != "Mozilla/5.0 (secretive)" ||
		!newest.Until.Equal(s.Until) || !newest.Begun.Equal(s.Begun) {
		t.Errorf("got the newest session %+v, want that of the sign-in", newest)
	}
	if _, err := d.Operator().SessionsOf(t.Context(), "unknown"); !errors.Is(err, ErrNoUser) {
		t.Errorf("unknown user: got error %v", err)
	}
	if seen := d.Operator().Cached(); len(seen) != 1 || seen[0].ID != newest.ID || seen[0].User != "jane" || seen[0].Site != "app.example.com" {
		t.Errorf("got %+v cached, want only the newest", seen)
	}
}

func TestIndex_LimitEndsTheOldest(t *testing.T) {
	t.Parallel()
	metrics := &countingMetrics{}
	d := newSessionGate(t, func(c *Config) { c.MaxPerUser, c.Metrics = 2, metrics })
	strong := d.beside(func(c *Config) { c.Flow = "strong" })
	elsewhere := strong.begin(jane)
	first := d.begin(jane)
	if !d.opens(first) {
		t.Fatal("got no first session, want one")
	}
	others := []string{d.begin(User{Username: "joe", UID: "joe"}), d.begin(jane), d.begin(jane)}
	if d.opens(first) {
		t.Error("got three sessions of one user, want two")
	}
	for i, cookie := range others {
		if !d.alive(cookie) {
			t.Errorf("got session %d ended as well, want it alive", i)
		}
	}
	if !strong.alive(elsewhere) {
		t.Error("got a session of another realm ended, want it alive")
	}
	if n := metrics.ended("limit"); n != 1 {
		t.Errorf("got %d ends counted", n)
	}
	if n := len(d.listed(jane.UID)); n != 3 {
		t.Errorf("got %d sessions in the index", n)
	}
}

// TestIndex_ConcurrentSignInsKeepTheLimit begins a thousand sessions of one user at two gates.
func TestIndex_ConcurrentSignInsKeepTheLimit(t *testing.T) {
	t.Parallel()
	const most = 3
	many := 1000
	if raced {
		many = 100 // a session may take 30 s to begin, and the detector is slow
	}
	d := newSessionGate(t, func(c *Config) { c.MaxPerUser = most })
	gates := []*sessionGate{d, d.beside(nil)}
	cookies := make(chan string, many)
	var overtaken atomic.Int64
	var crowd sync.WaitGroup
	for i := range many {
		crowd.Go(func() {
			s, _, err := startSession(t.Context(), gates[i%2].Gate, recordOf(jane), somewhere("app.example.com"))
			switch {
			case errors.Is(err, session.ErrRevokedEarly):
				overtaken.Add(1)
			case err != nil:
				t.Errorf("got error %v: %v, want none or an early revocation", err, errors.Unwrap(err))
			default:
				cookies <- s.Cookie()
			}
		})
	}
	crowd.Wait()
	close(cookies)
	alive := 0
	for cookie := range cookies {
		if gates[0].alive(cookie) {
			alive++
		}
	}
	if alive != most || d.stored() != most || len(d.listed(jane.UID)) != most {
		t.Errorf("got %d alive, %d stored, %d in the index, want %d each", alive, d.stored(), len(d.listed(jane.UID)), most)
	}
	t.Logf("%d of %d were ended before they had begun", overtaken.Load(), many)
}

func TestIndex_DropsExpiredSessions(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := newSessionGate(t, func(c2 *Config) { c2.Now = c.now })
	d.begin(jane)
	c.move(30 * time.Minute)
	d.begin(jane)
	if n := len(d.listed(jane.UID)); n != 2 {
		t.Errorf("got %d sessions in the index", n)
	}
	c.move(31 * time.Minute)
	if n := len(d.listed(jane.UID)); n != 0 { // both until an hour from the true time
		t.Errorf("got %d in the index after their end, want none", n)
	}
}

// TestIndex_StoreFailureLeavesNoHalfSession lets the store fail at each call of an admission,
// where one more session is one too many.
func TestIndex_StoreFailureLeavesNoHalfSession(t *testing.T) {
	t.Parallel()
	for at := int64(1); ; at++ {
		d := newSessionGate(t, func(c *Config) { c.MaxPerUser = 1 })
		before := d.begin(jane)
		d.store.calls.Store(0)
		operation := ""
		d.store.fails = func(n int64, of string) error {
			if n != at {
				return nil
			}
			operation = of
			return errFault
		}
		s, _, err := startSession(t.Context(), d.Gate, recordOf(jane), somewhere("app.example.com"))
		d.store.fails = nil
		if operation == "" {
			if at < 8 {
				t.Fatalf("got only %d calls for an admission, want at least 8", at-1)
			}
			return
		}
		if err == nil { // it failed where nothing depends on it
			if !d.alive(s.Cookie()) || d.alive(before) {
				t.Errorf("%s at call %d: got the new one alive %v, the old one %v, want only the new one", operation, at, d.alive(s.Cookie()), d.alive(before))
			}
			continue
		}
		if fault.From(err).Code != fault.SessionsUnavailable || !errors.Is(err, errFault) {
			t.Errorf("%s at call %d: got error %v, want sessions-unavailable", operation, at, err)
		}
		if d.stored() != 1 || !d.alive(before) || len(d.listed(jane.UID)) != 1 {
			t.Errorf("%s at call %d: %d stored, the old one is alive: %v, the index is %v",
				operation, at, d.stored(), d.alive(before), d.listed(jane.UID))
		}
	}
}

func TestIndex_FailingStoreAdmitsNoUser(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"load", "save"} {
		d := newSessionGate(t, nil)
		d.store.fails = func(_ int64, of string) error {
			if of == operation {
				return errFault
			}
			return nil
		}
		if _, _, err := startSession(t.Context(), d.Gate, recordOf(jane), somewhere("app.example.com")); asErr(err) != fault.SessionsUnavailable {
			t.Errorf("%s: got error %v, want sessions-unavailable", operation, err)
		}
		d.store.fails = nil
		if n := d.stored(); n != 0 {
			t.Errorf("%s: got %d records, want none", operation, n)
		}
	}
}

// TestIndex_UnreadableListIsReplaced: one that is damaged, of another key or of another user.
func TestIndex_UnreadableListIsReplaced(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(d *sessionGate, value []byte) []byte{
		"cut short": func(_ *sessionGate, value []byte) []byte { return value[:len(value)/2] },
		"changed":   func(_ *sessionGate, value []byte) []byte { value[len(value)-1] ^= 1; return value },
		"empty":     func(*sessionGate, []byte) []byte { return nil },
		"of another key": func(d *sessionGate, _ []byte) []byte {
			other := d.beside(func(c *Config) { c.Key = []byte(strings.Repeat("x", seal.MinKey)) })
			other.begin(jane)
			return d.kept(listName(other, jane.UID))
		},
		"of another user": func(d *sessionGate, _ []byte) []byte {
			d.begin(User{Username: "joe", UID: "joe"})
			return d.kept(listName(d, "joe"))
		},
		"a lead": func(d *sessionGate, _ []byte) []byte {
			_, pointer, _ := d.sessions.Index.Places(jane.UID, "jane", "")
			return d.kept(pointer.Name())
		},
	} {
		d := newSessionGate(t, nil)
		before := d.begin(jane)
		b, _, _ := d.sessions.Index.Places(jane.UID, "jane", "")
		r, _, _ := d.store.Load(t.Context(), b.Name())
		r.Value = damage(d, d.kept(b.Name()))
		if _, err := d.store.Save(t.Context(), b.Name(), r); err != nil {
			t.Fatal(err)
		}
		if lines := d.listed(jane.UID); len(lines) != 0 {
			t.Errorf("%s: got the index %v, want it empty", name, lines)
		}
		after := d.begin(jane)
		if lines := d.listed(jane.UID); len(lines) != 1 || !d.alive(before) || !d.alive(after) {
			t.Errorf("%s: got the index %v afterwards, want one session", name, lines)
		}
		if !d.opens(before) { // remembered, so that it can be ended after all
			t.Fatal(name)
		}
		if ended, err := d.Operator().EndAll(t.Context(), "jane"); err != nil || len(ended) != 2 || d.alive(before) || d.alive(after) {
			t.Errorf("%s: got %d ended (%v), want 2", name, len(ended), err)
		}
	}
}

// TestIndex_StoredListRevealsNothing looks for all that is known of a user in all that is stored.
func TestIndex_StoredListRevealsNothing(t *testing.T) {
	t.Parallel()
	var spy *storeSpy
	d := newSessionGate(t, func(c *Config) {
		spy = spyOn(c.Store)
		c.MaxPerUser, c.Store = 2, spy
	})
	var cookies []string
	for range 3 {
		cookies = append(cookies, d.begin(jane))
	}
	if _, err := d.Operator().EndAll(t.Context(), "jane"); err != nil {
		t.Fatal(err)
	}
	cookies = append(cookies, d.begin(jane))
	secrets := append(cookies, jane.Username, jane.Name, jane.Email, jane.UID, "oven-hot", "Mozilla", "203.0.113.7", "app.example.com")
	named := regexp.MustCompile(`^(session|roll|lead)-[0-9a-f]{64}$|^end-[0-9a-f]{64}$`)
	written := spy.written()
	if len(written) < 5 {
		t.Fatalf("got only %d stored values, want at least 5", len(written))
	}
	for name, value := range written {
		if !named.MatchString(name) || len(name) > 80 {
			t.Errorf("got the name %s, want one that reveals nothing", name)
		}
		for _, s := range secrets {
			if strings.Contains(name, s) || bytes.Contains(value, []byte(s)) {
				t.Errorf("got %[2]s in %[1]s, want no secret", name, s)
			}
		}
	}
}

// TestIndex_IsFoundOnlyWithTheGatesKey and not with another, nor for another authentik.
func TestIndex_IsFoundOnlyWithTheGatesKey(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	_, _, there := newAuthentik(t)
	names := map[string]bool{}
	for _, other := range []*sessionGate{
		d, d.beside(func(c *Config) { c.Key = []byte(strings.Repeat("x", seal.MinKey)) }), d.beside(func(c *Config) { c.Client = there }),
	} {
		for _, uid := range []string{"a", "b"} {
			for _, epoch := range []string{"a", "b"} {
				list, pointer, tombstones := other.sessions.Index.Places(uid, uid, epoch)
				names[list.Name()], names[pointer.Name()] = true, true
				for _, name := range tombstones {
					names[name] = true
				}
			}
		}
	}
	if len(names) != 3*2*4 {
		t.Errorf("got %d names, want 24", len(names))
	}
	same := d.beside(func(c *Config) { c.Flow, c.Cookie.Domain, c.Lifetime = "strong", "example.com", time.Hour })
	if listName(same, "a") != listName(d, "a") {
		t.Error("got two indexes of two gates of one authentik, want one")
	}
}

func TestIndex_UsernameLeadsToItsNewestUser(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	d.begin(User{Username: "jane", UID: "first"})
	d.begin(User{Username: "janet", UID: "first"}) // renamed
	if list, err := d.Operator().SessionsOf(t.Context(), "jane"); err != nil || len(list) != 2 || list[0].User != "janet" {
		t.Errorf("got %v, %v by the old name, want two sessions", list, err)
	}
	second := d.begin(User{Username: "jane", UID: "second"})
	ended, err := d.Operator().EndAll(t.Context(), "jane")
	if err != nil || len(ended) != 1 || d.alive(second) {
		t.Errorf("got %d ended (%v), want one of two janes", len(ended), err)
	}
	if list, err := d.Operator().SessionsOf(t.Context(), "janet"); err != nil || len(list) != 2 {
		t.Errorf("got %v, %v by the new name, want two sessions", list, err)
	}
}

func TestIndex_ImpossibleLimitIsAMistake(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	for most, wrong := range map[int]bool{-1: true, 0: false, 1: false, index.MaxPerUser: false, index.MaxPerUser + 1: true} {
		cfg := d.cfg
		cfg.MaxPerUser = most
		g, err := New(cfg)
		if (err != nil) != wrong {
			t.Errorf("%d: got error %v, want an error %v", most, err, wrong)
		}
		if g != nil {
			_ = g.Close()
		}
	}
}

// listName is where the store keeps a user's list.
func listName(d *sessionGate, uid string) string {
	list, _, _ := d.sessions.Index.Places(uid, "", "")
	return list.Name()
}
