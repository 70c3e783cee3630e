package session

import (
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// TestSession_TimesAreOfTheWallClock: Go compares times by the monotonic clock if
// both have it, and that clock stands still while a machine sleeps. A session that
// has just begun, and never was read from the store, would then need no recheck for
// as long as the machine has slept.
func TestSession_TimesAreOfTheWallClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := &Registry{Options: Options{
		Now: time.Now, Recheck: time.Minute, KeepAccessToken: true,
		Fits:    func(user.User) bool { return true },
		Headers: func(headers.Subject) ([]headers.Header, []headers.Problem) { return nil, nil },
	}}
	s, _ := r.unreported("name", &Record{
		Begun: now, Until: now.Add(time.Hour), Stay: now.Add(2 * time.Hour), Checked: now,
		SignIn: SignIn{At: now, Factor: now}, Tokens: &Tokens{Refresh: "r", Expiry: now.Add(time.Minute)},
	})
	for name, at := range map[string]time.Time{
		"Begun": s.Begun, "Until": s.Until, "Stay": s.Stay, "At": s.SignIn.At, "Factor": s.SignIn.Factor,
		"checked": s.checked, "due": s.due, "the next review": r.nextReview(s, now),
	} {
		if at.IsZero() || at != at.Round(0) { // also the monotonic clock, where Equal would not see it
			t.Errorf("%s: got %v, want a time of the wall clock", name, at)
		}
	}
}
