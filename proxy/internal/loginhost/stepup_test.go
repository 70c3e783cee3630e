package loginhost

import (
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// What was seen counts for the user who has signed in, and not for one whom an
// administrator acts as in the same session.
func TestHandler_SignInCountsForItsUser(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := &Handler{Options{StepUp: "second", Shared: &exchange.Shared{Now: time.Now}}}
	for name, tt := range map[string]struct {
		uid  string
		seen host.Seen
		want session.SignIn
	}{
		"the flow of the second factor": {"jane", host.Seen{UID: "jane", Flow: "second", At: now, Again: true}, session.SignIn{At: now, MFA: true}},
		"another flow, after it": {
			"jane",
			host.Seen{UID: "jane", Flow: "login", At: now, Factor: host.Shown{Flow: "second", At: now.Add(-time.Hour)}},
			session.SignIn{At: now, MFA: true, Factor: now.Add(-time.Hour)},
		},
		"another flow, after one that was for it once": {
			"jane", host.Seen{UID: "jane", Flow: "login", At: now, Factor: host.Shown{Flow: "third", At: now}}, session.SignIn{At: now},
		},
		"another flow, long after it": {
			"jane", host.Seen{UID: "jane", Flow: "login", At: now, Factor: host.Shown{Flow: "second", At: now.Add(-8 * 24 * time.Hour)}}, session.SignIn{At: now},
		},
		"another flow": {"jane", host.Seen{UID: "jane", Flow: "login", At: now}, session.SignIn{At: now}},
		"another user": {"joe", host.Seen{UID: "jane", Flow: "second", At: now}, session.SignIn{}},
		"no flow":      {"jane", host.Seen{UID: "jane", At: now}, session.SignIn{At: now}},
	} {
		got, err := h.counts(nil, tt.seen, session.Proof{User: user.User{UID: tt.uid}})
		if err != nil || got != tt.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, tt.want)
		}
	}
}
