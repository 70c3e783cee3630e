package proxy

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// restart replaces the gate by one that has nothing in memory.
func (s *site) restart(t testing.TB) {
	t.Helper()
	s.gate = newGate(t, s.gate.cfg)
	s.Config.Handler = s.gate.Wrap(http.HandlerFunc(s.application))
}

func TestRecalled_VisitIsNotReadableAndShort(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	first := s.person(t).open("/").fields().Get("visit") // with its challenge
	copied := s.person(t).open("/").fields().Get("visit")
	if len(copied) == 0 || len(copied) > len(first)/2 {
		t.Errorf("got a visit of %d bytes from a copy and of %d with its challenge, want less than half", len(copied), len(first))
	}
}

func TestRecalled_DoubleClickAfterARestartBeginsOneVisit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/")
	s.restart(t)
	var clicks sync.WaitGroup
	for range 5 {
		clicks.Go(func() { p.send(page, "uid_field", "jane").says(t, `name="password"`) })
	}
	clicks.Wait()
	if n := s.authentik.Sessions(); n > 3 { // of the copy, of its successor, and of the visit
		t.Errorf("got %d sessions at authentik", n)
	}
}

// TestRecalled_ChangedChallengeIsShown edits the flow while the gate restarts.
func TestRecalled_ChangedChallengeIsShown(t *testing.T) {
	t.Parallel()
	for name, tt := range changedChallenges() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.warm(t)
			p := s.person(t)
			page := p.open("/app?a=b")
			s.stage(t, tt.first, tt.insert)
			s.restart(t)
			next := p.send(page, "uid_field", "jane")
			for _, text := range tt.says {
				next.says(t, text)
			}
			next.says(t, `value="/app?a=b"`)
			next.lacks(t, "Failed to authenticate")
		})
	}
}

func TestRecalled_OldVisitBeginsAgainWithItsWayBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/app?a=b")
	s.restart(t)
	s.clock.move(31 * time.Minute)
	page = p.send(page, "uid_field", "jane")
	page.says(t, `value="/app?a=b"`)
	if end := p.send(p.send(page, "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" || end.path != "/app?a=b" {
		t.Errorf("got status %d at %s: %s", end.status, end.path, end.body)
	}
}

// TestRecalled_SlowVisitorCostsAuthentikNothingMore answers long after the copy
// is no longer shown.
func TestRecalled_SlowVisitorCostsAuthentikNothingMore(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	p := s.person(t)
	page := p.open("/")
	s.clock.move(29 * time.Minute)
	before := s.authentik.Sessions()
	page = p.send(page, "uid_field", "jane")
	page.says(t, `name="password"`)
	if n := s.authentik.Sessions() - before; n != 1 {
		t.Errorf("got %d sessions at authentik, want the visit's", n)
	}
}

func TestRecalled_EmptyNameIsAMistakeOnTheCopy(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the same process": false, "another process": true} {
		s := newSite(t, nil)
		s.warm(t)
		p := s.person(t)
		page := p.open("/app")
		if restart {
			s.restart(t)
		}
		page = p.send(page, "uid_field", " ")
		page.says(t, "Enter the name you sign in with.")
		if end := p.send(p.send(page, "uid_field", "jane"), "password", "open sesame"); end.body != "hello jane" || end.path != "/app" {
			t.Errorf("%s: got status %d at %s: %s", name, end.status, end.path, end.body)
		}
	}
}

// TestRecalled_SourceOfAChangedChallengeIsNotFollowed has the sources change their
// places while the gate restarts.
func TestRecalled_SourceOfAChangedChallengeIsNotFollowed(t *testing.T) {
	t.Parallel()
	sources := func(of ...string) *authentiktest.IdentificationStage {
		stage := names()
		for _, name := range of {
			stage.Sources = append(stage.Sources, authentiktest.Source{Name: name, Slug: name, Challenge: map[string]any{"component": "xak-flow-redirect", "to": "/source/oauth/login/" + name + "/"}})
		}
		return stage
	}
	for name, tt := range map[string]struct {
		after []string
		says  string
	}{
		"the same":     {[]string{"Alpha", "Beta"}, "Beta"},
		"other places": {[]string{"Beta", "Alpha"}, `name="source" value="0"`},
		"one is gone":  {[]string{"Alpha"}, `name="source" value="0"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.stage(t, sources("Alpha", "Beta"), false)
			s.warm(t)
			p := s.person(t)
			page := p.open("/")
			page.says(t, "Beta")
			s.stage(t, sources(tt.after...), false)
			s.restart(t)
			p.send(page, "source", "1").says(t, tt.says)
		})
	}
}
