// Package replicas tests sessions over reloads, deaths and several Caddys.
package replicas

import (
	"net/http"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// soon is how long a replica may accept a session that has ended at the
// other, or in any while it cannot hear of their ends. Two seconds are promised,
// and milliseconds are usual; the rest is for busy machines, and still shorter
// than the half minute after which a replica would find out by itself.
const soon = 10 * time.Second

// within waits until a condition holds, and fails the test if that takes longer
// than soon.
func within(t testing.TB, failure string, holds func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	testsite.Eventually(t, failure, holds)
	took := time.Since(begun)
	if took > soon {
		t.Errorf("got %s after %v, want it within %v", failure, took, soon)
	}
	return took
}

// both runs a test on each kind of store that two Caddys can share.
func both(t *testing.T, test func(*testing.T, *testsite.Replicas)) {
	t.Helper()
	for name, start := range map[string]func(testsite.Setup, testing.TB) *testsite.Replicas{
		"on Redis": testsite.Setup.OnRedis, "on a shared storage": testsite.Setup.OnStorage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(testsite.Setup{Scheme: "http"}, t))
		})
	}
}

func TestReplicas_AreOneSite(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *testsite.Replicas) {
		p := r.SignedIn(t)
		for range 6 {
			p.Greeted(p.Open("/still"), "/still")
		}
		if got := r.Answers(); got[0] < 4 || got[1] < 4 {
			t.Errorf("got %v answers of the replicas, want at least 4 of each", got)
		}
	})
}

func TestSignOut_AtOneReplicaEndsTheSessionAtTheOther(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *testsite.Replicas) {
		for range 3 {
			p := r.SignedIn(t)
			cookies := p.Cookies()
			for _, c := range r.Each { // both remember it from now on
				if got := cookies.Status(t, c.Address); got != http.StatusOK {
					t.Fatalf("got status %d for a session, want 200", got)
				}
			}
			p.SignOut()
			took := within(t, "both replicas to refuse the session", func() bool {
				return cookies.Status(t, r.Each[0].Address) == http.StatusUnauthorized && cookies.Status(t, r.Each[1].Address) == http.StatusUnauthorized
			})
			t.Logf("refused by both after %v", took.Round(time.Millisecond))
		}
	})
}

func TestVisit_GoesOnAtTheOtherReplica(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *testsite.Replicas) {
		p := r.Person(t)
		page := p.Enter(p.Open("/deep?x=1"), "uid_field", testsite.Jane)
		killed := r.Last()
		killed.Kill()
		p.Greeted(p.Enter(page, "password", testsite.Password), "/deep?x=1")
		killed.Start()
		p.Greeted(p.Open("/still"), "/still")
		p.Greeted(p.Open("/still"), "/still")
		if got := p.Cookies().Status(t, killed.Address); got != http.StatusOK {
			t.Errorf("got status %d at a replica that was dead during the sign-in, want 200", got)
		}
	})
}

// TestSession_SurvivesTheDeathOfRedis: without Redis no session is accepted,
// and with it again all are that have not ended.
func TestSession_SurvivesTheDeathOfRedis(t *testing.T) {
	t.Parallel()
	r := testsite.Setup{Scheme: "http"}.OnRedis(t)
	stays, goes := r.SignedIn(t), r.SignedIn(t)
	stayed, gone := stays.Cookies(), goes.Cookies()
	goes.SignOut()
	all := func(cookies testsite.Cookies, status int) func() bool {
		return func() bool {
			return cookies.Status(t, r.Each[0].Address) == status && cookies.Status(t, r.Each[1].Address) == status
		}
	}
	for range 2 {
		r.Redis.Kill()
		within(t, "both replicas to answer 503", all(stayed, http.StatusServiceUnavailable))
		for _, c := range r.Each {
			if got := gone.Status(t, c.Address); got == http.StatusOK {
				t.Error("got status 200 for a session that has ended")
			}
		}
		r.Redis.Restart()
		testsite.Eventually(t, "both replicas to know the session", all(stayed, http.StatusOK))
		for _, c := range r.Each {
			if got := gone.Status(t, c.Address); got != http.StatusUnauthorized {
				t.Errorf("got status %d for a session that has ended, want 401", got)
			}
		}
	}
}
