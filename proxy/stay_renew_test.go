package proxy

import (
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
