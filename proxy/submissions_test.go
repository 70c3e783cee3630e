package proxy

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// countingAuthentik counts answers, and can hold them up.
type countingAuthentik struct {
	Authentik
	answers *atomic.Int64
	hold    chan struct{}
}

func (c countingAuthentik) Answer(ctx context.Context, v flowclient.Visitor, f flowclient.Flow, a flowclient.Answer) (flowclient.Step, error) {
	c.answers.Add(1)
	if c.hold != nil {
		<-c.hold
	}
	return c.Authentik.Answer(ctx, v, f, a)
}

func TestADoubleClickGivesOneAnswerAndBothAreSignedIn(t *testing.T) {
	t.Parallel()
	var answers atomic.Int64
	hold := make(chan struct{})
	s := newSite(t, func(c *Config) { c.Flow = "both"; c.Client = countingAuthentik{c.Client, &answers, hold} })
	p := s.person(t)
	page := p.open("/")
	var clicks sync.WaitGroup
	for range 5 {
		clicks.Go(func() {
			again := s.person(t) // the same browser, whose first request is given up
			again.setCookie("__Host-authentik_visit", p.cookie("__Host-authentik_visit"))
			if got := again.send(page, "uid_field", "jane", "password", "open sesame"); got.body != "hello jane" {
				t.Errorf("status %d at %s: %s", got.status, got.path, got.body)
			}
		})
	}
	close(hold)
	clicks.Wait()
	if n := answers.Load(); n != 1 {
		t.Errorf("authentik was given %d answers", n)
	}
}

func TestTheFirstOfTwoClicksMayBeGivenUpByTheBrowser(t *testing.T) {
	t.Parallel()
	var answers atomic.Int64
	hold := make(chan struct{})
	s := newSite(t, func(c *Config) { c.Flow = "both"; c.Client = countingAuthentik{c.Client, &answers, hold} })
	p := s.person(t)
	page := p.open("/")
	ctx, cancel := context.WithCancel(t.Context())
	form := page.fields()
	form.Set("uid_field", "jane")
	form.Set("password", "open sesame")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/.authentik/login?", nil)
		if err != nil {
			t.Error(err)
			return
		}
		r.PostForm = form
		if res, err := p.http.Do(r); err == nil {
			_ = res.Body.Close()
		}
	}()
	cancel()
	<-gone
	close(hold)
	if got := p.send(page, "uid_field", "jane", "password", "open sesame"); got.body != "hello jane" {
		t.Fatalf("status %d at %s: %s", got.status, got.path, got.body)
	}
}

func TestARefusedAnswerMakesRoomForAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "both" })
	p := s.person(t)
	page := p.open("/")
	p.send(page, "uid_field", "jane", "password", "wrong")
	// Back to the first page, and another answer to it.
	if got := p.send(page, "uid_field", "jane", "password", "open sesame"); got.body != "hello jane" {
		t.Fatalf("status %d at %s: %s", got.status, got.path, got.body)
	}
}

func TestAnAnswerToAPageThatWasAnsweredIsNotHandedToTheNextQuestion(t *testing.T) {
	t.Parallel()
	var answers atomic.Int64
	s := newSite(t, func(c *Config) { c.Client = countingAuthentik{Authentik: c.Client, answers: &answers} })
	p := s.person(t)
	page := p.open("/")
	p.send(page, "uid_field", "jane").says(t, "jane")
	second := p.send(page, "uid_field", "joe")
	second.says(t, "jane")
	if n := answers.Load(); n != 1 {
		t.Errorf("authentik was given %d answers", n)
	}
}

func TestSubmissions_ResultIsKeptForAMinuteAndFailuresAreNot(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSubmissions(func() time.Time { return now })
	given := 0
	result := func(out outcome) func() outcome { return func() outcome { given++; return out } }
	failed := result(outcome{err: fault.New(fault.AuthentikUnreachable, nil)})
	heldBack := result(outcome{wait: time.Second})
	refused, accepted := result(outcome{}), result(outcome{advanced: true})
	for i, row := range []struct {
		later  time.Duration
		answer string
		give   func() outcome
		given  int
	}{
		{0, "x", failed, 1}, {0, "x", heldBack, 2}, // neither is a result
		{0, "x", refused, 3}, {0, "x", accepted, 3}, // the same answer again
		{0, "y", accepted, 4}, {0, "x", refused, 4}, {0, "y", refused, 4}, // another one, which is accepted
		{submissionLifetime - 1, "z", accepted, 4}, {1, "z", accepted, 5},
	} {
		now = now.Add(row.later)
		if s.once("visit", row.answer, row.give); given != row.given {
			t.Errorf("row %d: got %d answers given, want %d", i, given, row.given)
		}
	}
}

func TestSubmissions_AreGivenOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSubmissions(time.Now)
		var running, given atomic.Int32
		for i := range 20 {
			go s.once("visit", string(rune('a'+i)), func() outcome {
				if running.Add(1) > 1 {
					t.Error("got two answers of one visit at a time, want one")
				}
				given.Add(1)
				time.Sleep(time.Second)
				running.Add(-1)
				return outcome{}
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := given.Load(); got != 20 {
			t.Errorf("answers that were refused, each another: got %d given, want 20", got)
		}
	})
}

func TestSubmissions_PanicReleasesAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSubmissions(time.Now)
		results := make(chan outcome, 3)
		for range cap(results) {
			go func() {
				results <- s.once("visit", "x", func() outcome { time.Sleep(time.Second); panic("on the way") })
			}()
		}
		for range cap(results) {
			if got := <-results; got.err == nil || got.err.Code != fault.AuthentikUnexpected {
				t.Errorf("got %+v, want a failure", got)
			}
		}
		if got := s.once("visit", "x", func() outcome { return outcome{advanced: true} }); !got.advanced {
			t.Errorf("afterwards: got %+v, want a result", got)
		}
	})
}
