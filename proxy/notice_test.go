package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A notified is a sessionGate with OpenID Connect, which an issuer can notify.
type notified struct {
	*sessionGate
	issuer *issuer
}

func newNotified(t testing.TB) notified {
	t.Helper()
	i := newIssuer(t)
	return notified{newSessionGate(t, i.registered), i}
}

// beginAt begins a session of a user that rests on an authentik session.
func (n notified) beginAt(user User, sid string) string {
	n.t.Helper()
	rec := recordOf(user)
	rec.SID, rec.Apps, rec.Cookies = sid, map[string]bool{"app": true}, nil
	s, _, err := startSession(n.t.Context(), n.Gate, rec, somewhere("app.example.com"))
	if err != nil {
		n.t.Fatal(err)
	}
	return s.Cookie()
}

// told sends the gate a logout token, and returns the status.
func (n notified) told(token string) int {
	n.t.Helper()
	form := url.Values{"logout_token": {token}}
	r := httptest.NewRequest(http.MethodPost, "https://app.example.com/.authentik/backchannel-logout", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	_ = n.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return errors.New("the application") })
	if w.Header().Get("Cache-Control") != "no-store" {
		n.t.Error("got a response that may be cached, want no-store")
	}
	return w.Code
}

// shown loads the address for notices by way of a browser.
func (n notified) shown(query url.Values) *httptest.ResponseRecorder {
	n.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://app.example.com/.authentik/frontchannel-logout?"+query.Encode(), nil)
	w := httptest.NewRecorder()
	_ = n.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return errors.New("the application") })
	return w
}

func TestNotice_EndsWhatRestsOnItsSession(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	other := n.beside(nil)
	first, second := n.beginAt(jane, "a session"), n.beginAt(jane, "another")
	if !other.opens(first) || !other.opens(second) {
		t.Fatal("got no session, want one begun")
	}
	if status := n.told(n.issuer.notice(nil)); status != http.StatusOK {
		t.Fatalf("got status %d", status)
	}
	begun := time.Now()
	for other.opens(first) {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("got the ended session admitted by the other gate")
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("the other gate knew after %v", time.Since(begun))
	if n.opens(first) || n.alive(first) {
		t.Error("got the session alive, want it ended")
	}
	if !n.alive(second) || !other.opens(second) {
		t.Error("got a newer session of the same user ended, want it kept")
	}
	// The user has signed in again since: a late notice is about an ended session.
	third := n.beginAt(jane, "a third")
	if status := n.told(n.issuer.notice(nil)); status != http.StatusOK || !n.alive(third) {
		t.Errorf("second notice: got status %d, newer session alive: %v", status, n.alive(third))
	}
}

func TestNotice_WithoutASessionEndsAllOfItsUser(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	joe := User{Username: "joe", UID: "another user"}
	first, second, his := n.beginAt(jane, "one"), n.beginAt(jane, "two"), n.beginAt(joe, "three")
	if status := n.told(n.issuer.notice(claims{"sid": nil})); status != http.StatusOK {
		t.Fatalf("got status %d", status)
	}
	if n.alive(first) || n.alive(second) || !n.alive(his) {
		t.Errorf("got alive: %v, %v, %v", n.alive(first), n.alive(second), n.alive(his))
	}
}

func TestNotice_IsAcceptedOnce(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	n.beginAt(jane, "a session")
	token := n.issuer.notice(nil)
	if status := n.told(token); status != http.StatusOK {
		t.Fatalf("got status %d", status)
	}
	if status := n.told(token); status != http.StatusBadRequest {
		t.Errorf("got status %d for the same token again", status)
	}
}

func TestNotice_FailedOneMayBeRepeated(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	cookie := n.beginAt(jane, "a session")
	token := n.issuer.notice(nil)
	n.store.fails = func(_ int64, operation string) error {
		if operation == "revoke" {
			return errors.New("the disk is full")
		}
		return nil
	}
	if status := n.told(token); status != http.StatusBadRequest {
		t.Fatalf("got status %d", status)
	}
	n.store.fails = nil
	if status := n.told(token); status != http.StatusOK || n.alive(cookie) {
		t.Errorf("got status %d, session alive: %v", status, n.alive(cookie))
	}
}

// TestNotice_OfUnknownSessionsStoresNothing sends what any client could.
func TestNotice_OfUnknownSessionsStoresNothing(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	n.beginAt(jane, "a session")
	writes := 0
	n.store.fails = func(_ int64, operation string) error {
		if operation == "revoke" || operation == "save" {
			writes++
		}
		return nil
	}
	for range 100 {
		if w := n.shown(url.Values{"iss": {n.issuer.name()}, "sid": {seal.NewSecret().Cookie()}}); w.Code != http.StatusOK {
			t.Fatalf("got status %d", w.Code)
		}
		if status := n.told("not a token"); status != http.StatusBadRequest {
			t.Fatalf("got status %d", status)
		}
	}
	if writes != 0 {
		t.Errorf("got %d writes to the store, want 0", writes)
	}
}

func TestNotice_FrontChannelEndsWhatItNames(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	cookie := n.beginAt(jane, "a session")
	for name, query := range map[string]url.Values{
		"nothing":         {},
		"no session":      {"iss": {n.issuer.name()}},
		"no issuer":       {"sid": {"a session"}},
		"another issuer":  {"iss": {"https://evil.example.com/"}, "sid": {"a session"}},
		"one too many":    {"iss": {n.issuer.name()}, "sid": {"a session", "another"}},
		"another session": {"iss": {n.issuer.name()}, "sid": {"another"}},
	} {
		if n.shown(query); !n.alive(cookie) {
			t.Fatalf("%s: got the session ended, want it kept", name)
		}
	}
	w := n.shown(url.Values{"iss": {n.issuer.name()}, "sid": {"a session"}})
	if w.Code != http.StatusOK || n.alive(cookie) {
		t.Errorf("got status %d, alive: %v", w.Code, n.alive(cookie))
	}
	if policy := w.Header().Get("Content-Security-Policy"); w.Header().Get("X-Frame-Options") != "" || !strings.HasSuffix(policy, "frame-ancestors "+n.issuer.URL) {
		t.Errorf("got headers that forbid framing by authentik: %v", w.Header())
	}
}

func TestStream_ClosesWithItsSession(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	other := n.beside(nil)
	for name, header := range map[string]http.Header{
		"WebSocket":    {"Connection": {"Upgrade"}, "Upgrade": {"websocket"}},
		"event stream": {"Accept": {"text/event-stream"}},
	} {
		for how, end := range map[string]func(cookie string) error{
			"here": func(cookie string) error {
				s, err := findSession(t.Context(), n.Gate, cookie, somewhere("app.example.com"))
				if err != nil {
					return err
				}
				return n.sessions.End(t.Context(), s)
			},
			"by a notice at the other gate": func(cookie string) error {
				return other.member.SignOut.Notice(t.Context(), n.issuer.notice(claims{"sid": name + "by a notice at the other gate"}))
			},
			"by the operator": func(string) error { _, err := other.Operator().EndAll(t.Context(), "jane"); return err },
		} {
			cookie := n.beginAt(jane, name+how)
			r := httptest.NewRequest(http.MethodGet, "https://app.example.com/live", nil)
			r.Header = header.Clone()
			r.AddCookie(&http.Cookie{Name: cookieNames(n.Gate).Session, Value: cookie})
			opened, closed := make(chan struct{}), make(chan error, 1) // it returns why its context is done
			go func() {
				closed <- n.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error {
					close(opened)
					<-r.Context().Done()
					return context.Cause(r.Context())
				})
			}()
			select {
			case <-opened:
			case err := <-closed:
				t.Fatalf("got error %[2]v, want %[1]s opened", name, err)
			}
			select {
			case err := <-closed:
				t.Fatalf("%s: got the stream closed before the end: %v", name, err)
			case <-time.After(20 * time.Millisecond):
			}
			begun := time.Now()
			if err := end(cookie); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-closed:
				t.Logf("%s, ended %s, closes after %v: %v", name, how, time.Since(begun), err)
			case <-time.After(10 * time.Second):
				t.Fatalf("%s, ended by %s: got the stream open, want it closed", name, how)
			}
			if open := n.sessions.Streams.Len(); open != 0 {
				t.Errorf("got %d streams, want none", open)
			}
		}
	}
}

// TestStream_ClosesWhenAccessIsLost: ends by time are not announced.
func TestStream_ClosesWhenAccessIsLost(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		value := p.cookie(cookieNames(s.gate).Session)
		found, err := findSession(t.Context(), s.gate, value, s.place())
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		one := &session.Stream{Session: found, Cookie: value, Host: s.place().Host}
		mayStay := func() bool {
			_, stays := s.gate.upstream.MayStay(t.Context(), one)
			return stays
		}
		if !mayStay() {
			t.Fatal("got the stream closed at once, want it open")
		}
		s.clock.move(21 * time.Minute) // a recheck that it has to wait for
		if !mayStay() {
			t.Error("got the stream closed, want it open: authentik has confirmed the session")
		}
		s.front.away.Store(true)
		s.clock.move(21 * time.Minute)
		if mayStay() {
			t.Error("got the stream open, want it closed: authentik was unreachable for longer than grace")
		}
		s.front.away.Store(false)
		s.clock.move(25 * time.Hour)
		if mayStay() {
			t.Error("got the stream open after its session has ended")
		}
	})
}
