package authn

import (
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

func TestDemand_AgeIsJudged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		demand      Demand
		age         time.Duration
		unmet, soon bool // by itself, and a moment ahead
	}{
		"none":                             {Demand{}, 1000 * time.Hour, false, false},
		"a recent sign-in":                 {Demand{MaxAge: time.Hour}, time.Minute, false, false},
		"one that is about to be too old":  {Demand{MaxAge: time.Hour}, time.Hour - time.Second, false, true},
		"one that is too old":              {Demand{MaxAge: time.Hour}, time.Hour + time.Second, true, true},
		"the shortest age, a new sign-in":  {Demand{MaxAge: time.Minute}, 29 * time.Second, false, false},
		"a clock that is ahead":            {Demand{MaxAge: time.Hour}, -session.ClockLeeway, false, false},
		"a clock that is too far ahead":    {Demand{MaxAge: time.Hour}, -session.ClockLeeway - time.Second, true, true},
		"any age, by a clock far in front": {Demand{}, -time.Hour, false, false},
	} {
		in := session.SignIn{At: now.Add(-tt.age)}
		if got := tt.demand.Unmet(in, now); got != tt.unmet {
			t.Errorf("%s: got unmet %t, want %t", name, got, tt.unmet)
		}
		if got := tt.demand.Ahead().Unmet(in, now); got != tt.soon {
			t.Errorf("%s: got unmet %t a moment ahead, want %t", name, got, tt.soon)
		}
	}
}
