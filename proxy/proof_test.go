package proxy

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestThrottle_ProgramsGetTheSame(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	p := s.program(t)
	asked := p.ask("/.authentik/login")
	for range accountFree + 1 {
		asked = p.answer(asked, `{"uid_field":"jane","password":"wrong"}`)
	}
	before := s.authentik.Requests()
	slow := p.answer(asked, `{"uid_field":"jane","password":"open sesame"}`)
	var told struct {
		RetryAfter int `json:"retry_after"`
	}
	if err := json.Unmarshal([]byte(slow.body), &told); err != nil {
		t.Fatal(err)
	}
	said := slow.Errors[flowclient.NonField]
	if slow.status != http.StatusTooManyRequests || told.RetryAfter != 1 || slow.header.Get("Retry-After") != "1" ||
		len(said) != 1 || said[0].Code != string(fault.TooManyAttempts) || slow.Visit == "" {
		t.Fatalf("got status %d, Retry-After %q: %s", slow.status, slow.header.Get("Retry-After"), slow.body)
	}
	if s.authentik.Requests() != before {
		t.Error("got a request to authentik, want none")
	}
	s.clock.move(time.Second)
	if end := p.answer(slow, `{"uid_field":"jane","password":"open sesame"}`); !end.Done {
		t.Errorf("got status %d: %s", end.status, end.body)
	}
}

// TestThrottle_AnswerWithoutAReplyDoesNotCount answers while authentik is down:
// an answer that authentik has not checked is no attempt.
func TestThrottle_AnswerWithoutAReplyDoesNotCount(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	s.warm(t)
	client := s.gate.cfg.Client
	p := s.person(t)
	page := p.open("/")
	setClient(s.gate, deadAuthentik{downAuthentik{client}})
	for range 3 * addressFree {
		if got := p.send(page, "uid_field", "jane", "password", "open sesame"); got.status != http.StatusServiceUnavailable {
			t.Fatalf("got status %d", got.status)
		}
	}
	setClient(s.gate, client)
	if end := p.send(page, "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" {
		t.Errorf("got status %d: %s", end.status, end.body)
	}
}
