package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A witness keeps the lines of an audit log.
type witness struct {
	mu    sync.Mutex
	lines []map[string]string
}

func (*witness) Enabled(context.Context, slog.Level) bool { return true }
func (w *witness) WithAttrs([]slog.Attr) slog.Handler     { return w }
func (w *witness) WithGroup(string) slog.Handler          { return w }

func (w *witness) Handle(_ context.Context, r slog.Record) error {
	line := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		line[a.Key] = a.Value.String()
		return true
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
	return nil
}

// about returns the lines about an event.
func (w *witness) about(event string) (all []map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		if line["event"] == event {
			all = append(all, line)
		}
	}
	return all
}

func TestAudit_OfASignInAtAuthentiksPages(t *testing.T) {
	t.Parallel()
	w := new(witness)
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(c *Config) { c.Login, c.Audit = LoginRedirect, slog.New(w) }
	})
	p, a := s.person(t), &stranger{site: s}
	p.open(a.authorize(t, p.departs("/"), "jane", "open sesame"))
	lines := w.about("sign-in")
	if len(lines) != 1 || lines[0]["user"] != "jane" || lines[0]["way"] != "oidc" || lines[0]["reason"] != "new" || lines[0]["session"] == "" {
		t.Errorf("got %v, want one line about jane's sign-in", lines)
	}
}

// On authentik's own interface, too, a wrong answer is a line, and has neither
// the name that was typed nor the answer.
func TestAudit_OfWrongAnswersOnTheRelay(t *testing.T) {
	t.Parallel()
	w := new(witness)
	s := stillSite(t, func(c *Config) { c.Flow, c.Login, c.Audit = "patient", LoginRelay, slog.New(w) }, patient("patient"))
	p := &interfaced{person: s.person(t)}
	p.opens("/")
	p.is(p.asks(nil), asksName)
	p.posts("patient", "", map[string]any{"uid_field": "jane"})
	for range 2 {
		if status := p.posts("patient", "", map[string]any{"password": "wrong"}); status == http.StatusTooManyRequests {
			t.Fatalf("got status %d, want the answer passed on", status)
		}
	}
	lines := w.about("wrong-answer")
	if len(lines) != 2 {
		t.Fatalf("got %v, want two lines", lines)
	}
	for _, line := range lines {
		for field, value := range line {
			if strings.Contains(value, "jane") || value == "wrong" {
				t.Errorf("got %s %q, want nothing that was typed", field, value)
			}
		}
		if line["component"] == "" || line["client_ip"] == "" {
			t.Errorf("got %v, want the challenge and the address", line)
		}
	}
}
