package replicas

import (
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// TestRecheck_TwoGatesRedeemARefreshTokenOnce has many requests come at both
// gates whenever a recheck is due. Without grace they all wait for it.
func TestRecheck_TwoGatesRedeemARefreshTokenOnce(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"beside the requests": time.Hour, "before the requests": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGates(t, grace)
			for want := 1; want <= 3; want++ {
				g.clock.Advance(every)
				testsite.Eventually(t, "a recheck", func() bool {
					g.crowd(t, g.each[0], g.each[1])
					redeems, _, _ := g.desk.counts()
					return redeems >= want
				})
				for range 3 {
					g.crowd(t, g.each[0], g.each[1])
				}
				if redeems, refused, silent := g.desk.counts(); redeems != want || refused > 0 || silent > 0 {
					t.Fatalf("got %d redemptions, %d of them refused, and %d silent sign-ins; want %d redemptions", redeems, refused, silent, want)
				}
			}
		})
	}
}

// TestRecheck_SessionSurvivesTheDeathOfItsGate: a gate dies when authentik has
// given it a new refresh token, before it has saved that. The other one finds
// that the old one is no longer good, once the dead one's lease has ended.
func TestRecheck_SessionSurvivesTheDeathOfItsGate(t *testing.T) {
	t.Parallel()
	g := startGates(t, time.Hour)
	dies, lives := g.each[0], g.each[1]
	g.crowd(t, dies, lives)
	held, release := g.desk.hold()
	defer release()
	g.clock.Advance(every)
	testsite.Eventually(t, "a recheck", func() bool {
		g.crowd(t, dies)
		select {
		case <-held:
			return true
		default:
			return false
		}
	})
	g.store[0].dead.Store(true)
	release()
	testsite.Eventually(t, "a silent sign-in by the gate that lives", func() bool {
		g.crowd(t, lives)
		_, _, silent := g.desk.counts()
		return silent > 0
	})

	// From here on there is a refresh token that is good.
	begun, refusedThen, _ := g.desk.counts()
	g.clock.Advance(every)
	testsite.Eventually(t, "another recheck", func() bool {
		g.crowd(t, lives)
		redeems, refused, silent := g.desk.counts()
		if refused > refusedThen || silent > 1 {
			t.Fatalf("got %d redemptions refused and %d silent sign-ins after the first, want none", refused-refusedThen, silent-1)
		}
		return redeems > begun
	})
	g.store[0].dead.Store(false)
	g.crowd(t, dies)
}
