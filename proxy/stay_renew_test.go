package proxy

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// TestStay_IsOfOneUserAndUsedOnce begins a session for a visitor who stays signed
// in, and renews it after its lifetime.
func TestStay_IsOfOneUserAndUsedOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		uid  string
		end  func(s *streaming) error
		want bool
	}{
		"the same user":                {jane.UID, nil, true},
		"authentik names another":      {"another", nil, false},
		"authentik's session is ended": {jane.UID, func(s *streaming) error { return s.Operator().EndAuthentik(s.Context(), "one") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStreaming(t, nil)
				begun, user := time.Now(), jane
				user.UID = tt.uid
				secret, _, err := startSession(t.Context(), s.Gate, session.Record{
					User: user, Begun: begun, Checked: begun, Until: begun.Add(time.Hour), Stay: begun.Add(stayFor), SID: "one",
					Cookies: flowclient.Cookies{"authentik_session": "x"}, SignIn: session.SignIn{At: begun},
				}, somewhere("app.example.com"))
				if err != nil {
					t.Fatal(err)
				}
				if tt.end != nil {
					if err := tt.end(s); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Hour)
				renew := func() (*session.Session, bool) {
					_, next, found, err := s.sessions.Renew(t.Context(), secret.Cookie(), "app.example.com", netip.MustParseAddr("203.0.113.7"))
					if err != nil {
						t.Fatal(err)
					}
					return next, found
				}
				next, found := renew()
				if found != tt.want {
					t.Fatalf("got renewed %v, want %v", found, tt.want)
				}
				if found && !next.SignIn.At.Equal(begun) {
					t.Errorf("got a sign-in of %v, want that of the first session, %v", next.SignIn.At, begun)
				}
				if _, found := renew(); found {
					t.Error("got renewed by a cookie that was used")
				}
			})
		})
	}
}

// An interrupted authentik lets something happen while it is asked who is signed in.
type interrupted struct {
	Authentik
	meanwhile func()
}

func (i interrupted) User(ctx context.Context, visitor flowclient.Visitor) (flowclient.User, error) {
	i.meanwhile()
	return i.Authentik.User(ctx, visitor)
}

// An unrevoking store writes no tombstones.
type unrevoking struct{ Store }

func (unrevoking) Revoke(context.Context, string, time.Time) error { return errors.New("interrupted") }

// TestStay_EndDuringARenewalIsNotSurvived ends a session that is being renewed, while
// authentik still says that its own session is valid.
func TestStay_EndDuringARenewalIsNotSurvived(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *streaming, cookie string) error{
		"sign-out in another tab": func(s *streaming, cookie string) error {
			return s.sessions.EndStay(s.Context(), cookie, "app.example.com")
		},
		"all of the user, by the operator": func(s *streaming, _ string) error {
			_, err := s.Operator().EndAll(s.Context(), jane.Username)
			return err
		},
		"authentik's session, by another gate": func(s *streaming, _ string) error {
			return s.gate(nil).sessions.EndAuthentik(s.Context(), "one")
		},
		"the user, by another gate": func(s *streaming, _ string) error {
			_, err := s.gate(nil).sessions.EndUser(s.Context(), jane.UID)
			return err
		},
		"the user, by another process that has only begun": func(s *streaming, _ string) error {
			_, err := s.gate(func(c *Config) { c.Store = unrevoking{c.Store} }).sessions.EndUser(s.Context(), jane.UID)
			if err == nil {
				return errors.New("got the end finished, want an interruption")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var meanwhile func()
				s := newStreaming(t, func(c *Config) {
					c.Client = interrupted{c.Client, func() { meanwhile() }}
				})
				begun := time.Now()
				secret, _, err := startSession(t.Context(), s.Gate, session.Record{
					User: jane, Begun: begun, Checked: begun, Until: begun.Add(time.Hour), Stay: begun.Add(stayFor), SID: "one",
					Cookies: flowclient.Cookies{"authentik_session": "x"}, SignIn: session.SignIn{At: begun},
				}, somewhere("app.example.com"))
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Hour)
				meanwhile = func() {
					if err := end(s, secret.Cookie()); err != nil {
						t.Error(err)
					}
				}
				next, _, found, err := s.sessions.Renew(t.Context(), secret.Cookie(), "app.example.com", netip.MustParseAddr("203.0.113.7"))
				if err != nil {
					t.Fatal(err)
				}
				if found {
					t.Error("got a session that follows the ended one, want none")
				}
				if _, alive, err := s.sessions.Find(t.Context(), next.Cookie(), "app.example.com"); alive || err != nil {
					t.Errorf("got a session that opens %v, %v, want none", alive, err)
				}
			})
		})
	}
}
