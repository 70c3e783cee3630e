package proxy

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ends returns the lines about ends of sessions, and how many of each reason.
func (w *witness) ends() (lines []map[string]string, reasons map[string]int) {
	reasons = map[string]int{}
	for _, event := range []string{"session-end", "sign-out", "admin-end"} {
		for _, line := range w.about(event) {
			lines = append(lines, line)
			reasons[line["reason"]]++
		}
	}
	return lines, reasons
}

// Each end by lifetime has one line, whichever processes have used the session.
func TestAudit_OfASessionThatReachesItsLifetime(t *testing.T) {
	t.Parallel()
	at := somewhere("app.example.com")
	for name, tt := range map[string]struct {
		change func(*Config)
		before func(*testing.T, *streaming)
		want   string
	}{
		"used":   {nil, func(*testing.T, *streaming) {}, "lifetime"},
		"unused": {func(c *Config) { c.Idle = 5 * time.Minute }, func(*testing.T, *streaming) {}, "idle"},
		"signed out": {nil, func(t *testing.T, s *streaming) {
			found, err := findSession(t.Context(), s.Gate, s.cookie, at)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.sessions.End(t.Context(), found); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"all of the user": {nil, func(t *testing.T, s *streaming) {
			if _, err := s.sessions.EndUser(t.Context(), jane.UID); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := new(witness)
				set := func(c *Config) {
					c.Lifetime, c.Audit = 20*time.Minute, slog.New(w)
					if tt.change != nil {
						tt.change(c)
					}
				}
				s := newStreaming(t, set)
				for _, g := range []*Gate{s.Gate, s.gate(set), s.gate(set)} {
					synctest.Wait()
					if found, err := findSession(t.Context(), g, s.cookie, at); found == nil || err != nil {
						t.Fatalf("got %v and %v, want the session", found, err)
					}
				}
				tt.before(t, s)
				time.Sleep(20*time.Minute - time.Second)
				if lines, _ := w.ends(); len(lines) > 0 {
					t.Fatalf("got %v before the end, want no line", lines)
				}
				time.Sleep(10 * time.Minute)
				lines, _ := w.ends()
				if tt.want == "" {
					if len(lines) > 0 {
						t.Errorf("got %v, want no line: it has ended before", lines)
					}
					return
				}
				if len(lines) != 1 || lines[0]["reason"] != tt.want || lines[0]["user"] != "jane" || lines[0]["session"] == "" || lines[0]["event"] != "session-end" {
					t.Errorf("got %v, want one line with the reason %s", lines, tt.want)
				}
			})
		})
	}
}

// A session that another may follow is kept in the store after its end: the request
// that finds it there has a line about it, once.
func TestAudit_OfASessionThatIsRenewed(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"renewed": false, "gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := new(witness)
			s, p := newStaying(t, "1", func(c *Config) { c.Audit = slog.New(w) })
			s.clock.move(13 * time.Hour)
			s.gate.sessions.Forget() // as its cache does, which has a clock of its own
			if gone {
				s.authentik.EndSessions("jane")
			}
			for range 3 {
				if page := p.open("/deep"); strings.Contains(page.body, "hello jane") == gone {
					t.Fatalf("got %q, want a session: %v", page.body, !gone)
				}
			}
			s.gate.Close() // which waits for what runs in the background
			lines, reasons := w.ends()
			if len(lines) != 1 || reasons["lifetime"] != 1 {
				t.Errorf("got %v, want one line about the lifetime", lines)
			}
		})
	}
}
