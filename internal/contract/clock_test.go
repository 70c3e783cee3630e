package contract

import (
	"sync/atomic"
	"testing"
	"time"
)

// totpStep is how long an authenticator app shows a code (RFC 6238).
const totpStep = 30 * time.Second

// throttled is how long authentik refuses every code after the first wrong one,
// with a margin.
const throttled = 1500 * time.Millisecond

// A clock is the time of a walk. The gate's time can be advanced at will. The
// stand-in's time stands still until the walk waits, so that no walk depends on
// how busy the machine is. At a real authentik, wait sleeps.
type clock struct {
	standIn   time.Time    // when the stand-in was started; zero at a real authentik
	gate      atomic.Int64 // nanoseconds that the gate is ahead
	authentik atomic.Int64 // nanoseconds that the stand-in is ahead
}

// advance moves only the gate's time on.
func (c *clock) advance(d time.Duration) { c.gate.Add(int64(d)) }

// wait lets time pass at the gate and at authentik.
func (c *clock) wait(d time.Duration) {
	if c.standIn.IsZero() {
		time.Sleep(d)
		return
	}
	c.advance(d)
	c.authentik.Add(int64(d))
}

// waitForNextCode waits until an authenticator app shows the next code: authentik
// accepts each code only once.
func (c *clock) waitForNextCode() {
	now := c.authentikNow()
	c.wait(now.Truncate(totpStep).Add(totpStep).Sub(now))
}

func (c *clock) gateNow() time.Time { return time.Now().Add(time.Duration(c.gate.Load())) }

func (c *clock) authentikNow() time.Time {
	if c.standIn.IsZero() {
		return time.Now()
	}
	return c.standIn.Add(time.Duration(c.authentik.Load()))
}

// eventually polls holds until it returns true, and reports whether that happened
// within the given time. It calls holds at least once.
func eventually(within time.Duration, holds func() bool) bool {
	for end := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		if !time.Now().Before(end) {
			return false
		}
	}
	return true
}

func TestClock_NextCodeBeginsAStep(t *testing.T) {
	t.Parallel()
	for second, want := range map[int]int{0: 30, 1: 30, 29: 30, 30: 60, 59: 60} {
		c := &clock{standIn: time.Date(2026, 11, 29, 12, 0, second, 0, time.UTC)}
		c.waitForNextCode()
		if got := c.authentikNow().Sub(c.standIn.Truncate(time.Minute)); got != time.Duration(want)*time.Second {
			t.Errorf("from second %d: got %v after the minute, want %d s", second, got, want)
		}
	}
}
