package proxy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// until waits for what must be so within two seconds.
func until(t testing.TB, so func() bool, what string) {
	t.Helper()
	for begun := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 30*time.Second { // what a busy machine may need
			t.Fatalf("got no success: %s", what)
		}
	}
}

func TestEndAll_EndsOneUserEverywhereAndNoOther(t *testing.T) {
	t.Parallel()
	here := newSessionGate(t, nil)
	there := here.beside(nil)
	strong := here.beside(func(c *Config) { c.Flow = "strong" })
	awaitWatch(t, there.Gate, true)
	awaitWatch(t, strong.Gate, true)
	joe := there.begin(User{Username: "joe", UID: "joe"})
	first, second, third := here.begin(jane), there.begin(jane), strong.begin(jane)
	if !there.opens(first) || !there.opens(second) || !there.opens(joe) || !strong.opens(third) {
		t.Fatal("got a session that has not begun, want all")
	}
	ended, err := here.Operator().EndAll(t.Context(), "jane")
	if err != nil || len(ended) != 3 {
		t.Fatalf("got %v, %v", ended, err)
	}
	later := here.begin(jane)
	until(t, func() bool { return !there.opens(first) && !there.opens(second) && !strong.opens(third) }, "the end at the other gates")
	for _, d := range []*sessionGate{here, there} {
		if d.alive(first) || d.alive(second) || !d.alive(later) || !d.alive(joe) {
			t.Error("got other sessions ended than expected")
		}
	}
	if n := here.stored(); n != 2 {
		t.Errorf("got %d records left, want 0", n)
	}
	if ended, err := here.Operator().EndAll(t.Context(), "jane"); err != nil || len(ended) != 1 || here.alive(later) {
		t.Errorf("second call: got %v, %v", ended, err)
	}
	if ended, err := here.Operator().EndAll(t.Context(), "jane"); err != nil || len(ended) != 0 {
		t.Errorf("third call: got %v, %v", ended, err)
	}
	if _, err := here.Operator().EndAll(t.Context(), "unknown"); !errors.Is(err, ErrNoUser) {
		t.Errorf("unknown user: got error %v", err)
	}
}

// TestEndAll_EndsConcurrentSignIns signs in and ends all at once, thousands
// of times, at two gates: sessions that begin after the end exist, and are in the index.
func TestEndAll_EndsConcurrentSignIns(t *testing.T) {
	t.Parallel()
	here := newSessionGate(t, nil)
	there := here.beside(nil)
	rounds := 300
	if testing.Short() || raced {
		rounds = 50
	}
	for range rounds {
		before := []string{here.begin(jane), there.begin(jane)}
		during := make([]string, 2)
		var race sync.WaitGroup
		for i, d := range []*sessionGate{here, there} {
			race.Go(func() {
				s, _, err := startSession(t.Context(), d.Gate, recordOf(jane), somewhere("app.example.com"))
				if err != nil {
					t.Error(err)
				}
				during[i] = s.Cookie()
			})
		}
		race.Go(func() {
			if _, err := here.sessions.EndUser(t.Context(), jane.UID); err != nil {
				t.Error(err)
			}
		})
		race.Wait()
		for _, cookie := range before {
			if here.alive(cookie) {
				t.Fatal("got a session alive that began before the end")
			}
		}
		alive := 0
		for _, cookie := range during {
			if there.alive(cookie) {
				alive++
			}
		}
		if n := len(here.listed(jane.UID)); n != alive {
			t.Fatalf("got %d sessions alive and %d in the index", alive, n)
		}
		if !here.alive(here.begin(jane)) {
			t.Fatal("got a session ended that began after the end")
		}
		if _, err := there.sessions.EndUser(t.Context(), jane.UID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEndAll_KeepsSignInsDuringTheEnd(t *testing.T) {
	t.Parallel()
	here := newSessionGate(t, nil)
	there := here.beside(nil)
	before, amid := here.begin(jane), ""
	here.store.fails = func(_ int64, operation string) error {
		if operation == "revoke" && amid == "" {
			amid = there.begin(jane)
		}
		return nil
	}
	ended, err := here.sessions.EndUser(t.Context(), jane.UID)
	if err != nil || len(ended) != 1 || amid == "" {
		t.Fatalf("got %v, %v", ended, err)
	}
	if here.alive(before) || !there.alive(amid) || len(here.listed(jane.UID)) != 1 {
		t.Errorf("got alive %v and %v, and %d sessions in the index", here.alive(before), there.alive(amid), len(here.listed(jane.UID)))
	}
}

// TestEndAll_InterruptedOneIsFinishedByTheNext lets the store fail at each call of it.
func TestEndAll_InterruptedOneIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	for at := int64(1); ; at++ {
		before := d.begin(jane)
		d.store.calls.Store(0)
		met := false
		d.store.fails = func(n int64, _ string) error {
			if n < at { // it never comes back
				return nil
			}
			met = true
			return errFault
		}
		_, err := d.sessions.EndUser(t.Context(), jane.UID)
		d.store.fails = nil
		if !met {
			if at < 6 {
				t.Fatalf("got only %d calls of the store for an end", at-1)
			}
			return
		}
		if err != nil && fault.From(err).Code != fault.SessionsUnavailable {
			t.Errorf("call %d: %v", at, err)
		}
		if err == nil && d.alive(before) {
			t.Errorf("failure at call %d: got no error although one session is alive", at)
		}
		after := d.begin(jane)
		again, failed := d.sessions.EndUser(t.Context(), jane.UID)
		if failed != nil || d.alive(before) || d.alive(after) {
			t.Errorf("call %d: the next time %v (%v), alive are %v and %v", at, again, failed, d.alive(before), d.alive(after))
		}
		left := d.listed(jane.UID)
		if n, err := d.sessions.Index.Unfinished(t.Context(), jane.UID); len(left) != 0 || n != 0 || err != nil {
			t.Errorf("call %d: %v is left", at, left)
		}
	}
}

func TestEndAll_LastsAsLongAsTheLongestSession(t *testing.T) {
	t.Parallel()
	var spy *storeSpy
	d := newSessionGate(t, func(c *Config) {
		spy = spyOn(c.Store)
		c.Store = spy
	})
	rec := recordOf(jane)
	rec.Until = time.Now().Add(365 * 24 * time.Hour) // of a gate with another lifetime
	s, _, err := startSession(t.Context(), d.Gate, rec, somewhere("app.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.sessions.EndUser(t.Context(), jane.UID); err != nil {
		t.Fatal(err)
	}
	revoked := spy.revoked()
	if len(revoked) == 0 {
		t.Error("got nothing revoked, want tombstones")
	}
	for name, until := range revoked {
		if !until.IsZero() && until.Before(rec.Until) { // programs only need to be told
			t.Errorf("got %s revoked until %v, want it until the session's end %v", name, until, rec.Until)
		}
	}
	if d.alive(s.Cookie()) {
		t.Error("got the session alive, want it ended")
	}
}

func TestIndex_SignOutRemovesTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	if list, err := s.gate.Operator().SessionsOf(t.Context(), "jane"); err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v", list, err)
	}
	p.signIn("jane", "open sesame", "/.authentik/login") // signed in already: nothing begins
	p.post("/.authentik/logout", url.Values{})
	if list, err := s.gate.Operator().SessionsOf(t.Context(), "jane"); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestIndex_StaleEntryIsHarmless(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	d := newSessionGate(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
	cookie, other := d.begin(jane), d.begin(jane)
	s, _ := findSession(t.Context(), d.Gate, cookie, somewhere("app.example.com"))
	d.store.fails = func(_ int64, operation string) error {
		if operation == "save" {
			return errFault
		}
		return nil
	}
	if err := d.sessions.End(t.Context(), s); err != nil {
		t.Errorf("got %v", err)
	}
	d.store.fails = nil
	if d.alive(cookie) || !d.alive(other) || len(d.listed(jane.UID)) != 2 {
		t.Error("got another result than only that session ended")
	}
	if !strings.Contains(said.String(), "stay listed") || strings.Contains(said.String(), cookie) {
		t.Errorf("got the log %s", said.String())
	}
}

func TestIndex_SignOutOfADisconnectedClientRemovesTheSession(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cookie := d.begin(jane)
	cancel()
	d.sessions.Unlist(ctx, jane.UID, d.listed(jane.UID)...)
	if n := len(d.listed(jane.UID)); n != 0 || !d.alive(cookie) {
		t.Errorf("got %d sessions in the index", n)
	}
}

func TestEnd_OneSessionByItsID(t *testing.T) {
	t.Parallel()
	metrics := &countingMetrics{}
	here := newSessionGate(t, func(c *Config) { c.Metrics = metrics })
	there := here.beside(nil)
	awaitWatch(t, there.Gate, true)
	cookies := []string{here.begin(jane), here.begin(jane), here.begin(jane)}
	list, err := here.Operator().SessionsOf(t.Context(), "jane")
	if err != nil || len(list) != 3 || !there.opens(cookies[2]) {
		t.Fatalf("got %v, %v", list, err)
	}
	if ended, err := here.Operator().EndOne(t.Context(), "jane", list[0].ID); err != nil || ended.ID != list[0].ID || ended.User != "jane" {
		t.Errorf("with the username: got %v, %v", ended, err)
	}
	until(t, func() bool { return !there.opens(cookies[2]) }, "the end at the other gate")
	if _, err := here.Operator().EndOne(t.Context(), "", list[1].ID); !errors.Is(err, ErrNoSession) {
		t.Errorf("without the username, session not cached: got error %v", err)
	}
	// What is read while an end is announced is not cached, so one look can be too few.
	until(t, func() bool {
		if !here.opens(cookies[1]) {
			t.Fatal("got the session ended, want it alive")
		}
		ended, err := here.Operator().EndOne(t.Context(), "", list[1].ID)
		if err != nil && !errors.Is(err, ErrNoSession) || err == nil && ended.ID != list[1].ID {
			t.Fatalf("without the username: got %v, %v, want %s ended", ended, err, list[1].ID)
		}
		return err == nil
	}, "the end of a cached session without the username")
	for name, id := range map[string]string{"jane": list[0].ID, "joe": list[2].ID, "": "nonsense", "unknown": ""} {
		if ended, err := here.Operator().EndOne(t.Context(), name, id); !errors.Is(err, ErrNoSession) {
			t.Errorf("%q of %q: %v, %v", id, name, ended, err)
		}
	}
	if here.alive(cookies[2]) || here.alive(cookies[1]) || !here.alive(cookies[0]) || len(here.listed(jane.UID)) != 1 {
		t.Error("got other sessions ended than expected")
	}
	if n := metrics.ended("admin"); n != 2 {
		t.Errorf("got %d ends counted", n)
	}
}

// TestEnd_IsIdempotent by another gate of the process that does not know of it yet.
func TestEnd_IsIdempotent(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	for what, end := range map[string]func(s *session.Session) error{
		"alone":           func(s *session.Session) error { return d.sessions.End(t.Context(), s) },
		"with the others": func(*session.Session) error { _, err := d.sessions.EndUser(t.Context(), jane.UID); return err },
	} {
		s, err := findSession(t.Context(), d.Gate, d.begin(jane), somewhere("app.example.com"))
		if err != nil || end(s) != nil {
			t.Fatal(what, err)
		}
		if ended, err := d.Operator().endEach(t.Context(), []*session.Session{s}); err != nil || len(ended) != 0 {
			t.Errorf("%s: %v, %v", what, ended, err)
		}
	}
}

func TestEnd_StoreFailureIsReported(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	cookie := d.begin(jane)
	if !d.opens(cookie) {
		t.Fatal("got no session, want one begun")
	}
	list, _ := d.Operator().SessionsOf(t.Context(), "jane")
	for at := int64(1); at <= 2; at++ {
		d.store.fails = func(n int64, _ string) error {
			if n >= at {
				return errFault
			}
			return nil
		}
		for what, try := range map[string]func() error{
			"list":    func() error { _, err := d.Operator().SessionsOf(t.Context(), "jane"); return err },
			"end all": func() error { _, err := d.Operator().EndAll(t.Context(), "jane"); return err },
			"end one": func() error { _, err := d.Operator().EndOne(t.Context(), "jane", list[0].ID); return err },
			"end remembered": func() error {
				_, err := d.Operator().EndOne(t.Context(), "", list[0].ID)
				return err
			},
		} {
			d.store.calls.Store(0)
			if err := try(); !errors.Is(err, errFault) {
				t.Errorf("%s at call %d: %v", what, at, err)
			}
		}
	}
	d.store.fails = nil
	if !d.alive(cookie) {
		t.Error("got the session ended, want it alive")
	}
}
