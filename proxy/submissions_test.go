package proxy

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

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

func TestSubmission_DoubleClickSignsInOnce(t *testing.T) {
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
				t.Errorf("got status %d at %s: %s", got.status, got.path, got.body)
			}
		})
	}
	close(hold)
	clicks.Wait()
	if n := answers.Load(); n != 1 {
		t.Errorf("got %d answers at authentik, want 1", n)
	}
}

func TestSubmission_FirstClickMayBeCancelled(t *testing.T) {
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
		t.Fatalf("got status %d at %s: %s", got.status, got.path, got.body)
	}
}

func TestSubmission_RefusedAnswerAllowsAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "both" })
	p := s.person(t)
	page := p.open("/")
	p.send(page, "uid_field", "jane", "password", "wrong")
	// Back to the first page, and another answer to it.
	if got := p.send(page, "uid_field", "jane", "password", "open sesame"); got.body != "hello jane" {
		t.Fatalf("got status %d at %s: %s", got.status, got.path, got.body)
	}
}

func TestSubmission_LateAnswerIsNotGivenToTheNextChallenge(t *testing.T) {
	t.Parallel()
	var answers atomic.Int64
	s := newSite(t, func(c *Config) { c.Client = countingAuthentik{Authentik: c.Client, answers: &answers} })
	p := s.person(t)
	page := p.open("/")
	p.send(page, "uid_field", "jane").says(t, "jane")
	second := p.send(page, "uid_field", "joe")
	second.says(t, "jane")
	if n := answers.Load(); n != 1 {
		t.Errorf("got %d answers at authentik, want 1", n)
	}
}
