package proxy

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// between is a time at which no review of a stream is near: they are every 15 s.
const between = 65 * time.Second

// The store may have lost announcements, and says so.
func TestStream_EndsOnceAnnouncementsMayHaveBeenMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, nil)
		ended := s.open(http.MethodGet, nil)
		_, list, err := s.sessions.Index.List(t.Context(), jane.UID)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		time.Sleep(between)
		s.runs(ended)
		if err := s.store.Delete(t.Context(), list[0].Name); err != nil { // without a notice
			t.Fatal(err)
		}
		s.sessions.Revoked("")
		s.ends(ended)
	})
}

// A recheck may say that its user is no longer one of those who may pass.
func TestStream_EndsOnceARecheckHasChangedItsUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, staffOnly)
		user := jane
		user.Groups = []string{"staff"} // and authentik names none any more
		now := time.Now()
		secret, _, err := startSession(t.Context(), s.Gate, session.Record{User: user, Begun: now, Checked: now, Until: now.Add(time.Hour)}, somewhere("app.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		s.cookie = secret.Cookie()
		ended := s.open(http.MethodGet, nil)
		time.Sleep(s.cfg.Recheck - time.Second)
		s.runs(ended)
		time.Sleep(time.Second)
		s.ends(ended)
	})
}

// authentik's notice is kept for as long as a sign-in may take.
func TestBegin_ANoticeIsRememberedForTheWholeSignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, nil)
		asked := time.Now()
		time.Sleep(time.Second)
		if _, err := s.sessions.EndedUser(t.Context(), jane.UID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Minute)
		rec := session.Record{User: jane, Begun: time.Now(), Checked: asked, Until: time.Now().Add(time.Hour)}
		if _, _, err := startSession(t.Context(), s.Gate, rec, somewhere("app.example.com")); fault.From(err).Code != fault.VisitExpired {
			t.Errorf("got the error %v for a sign-in from before the notice, want %s", err, fault.VisitExpired)
		}
	})
}

// Another process asks authentik about the session for longer than that may take.
func TestRecheck_OfAProcessThatHangsIsNotBlamedOnTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(c *Config) { c.Grace = new(time.Duration(0)) })
		found, err := findSession(t.Context(), s.Gate, s.cookie, somewhere("app.example.com"))
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		time.Sleep(3 * s.cfg.Recheck)
		if _, held, err := s.store.Lease(t.Context(), "recheck-"+found.Name(), time.Hour); !held || err != nil {
			t.Fatal(held, err)
		}
		_, _, err = s.sessions.Await(t.Context(), s.cookie, "app.example.com", found)
		if got := fault.From(err).Code; got != fault.AuthentikUnreachable {
			t.Errorf("got %s (%v), want %s", got, err, fault.AuthentikUnreachable)
		}
	})
}

// What is kept of a visitor who stays signed in outlasts the session, and so does
// its end.
func TestEnd_LastsAsLongAsTheRecord(t *testing.T) {
	t.Parallel()
	var spy *storeSpy
	d := newSessionGate(t, func(c *Config) {
		spy = spyOn(c.Store)
		c.Store = spy
	})
	rec := recordOf(jane)
	rec.Stay = time.Now().Add(30 * 24 * time.Hour)
	_, s, err := startSession(t.Context(), d.Gate, rec, somewhere("app.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.sessions.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if until := spy.revoked()[s.Name()]; until.Before(rec.Stay) {
		t.Errorf("got a tombstone until %v, want one until %v", until, rec.Stay)
	}
}
