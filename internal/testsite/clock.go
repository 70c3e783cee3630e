package testsite

import (
	"sync/atomic"
	"time"
)

// A Clock is the time of day, ahead by as much as a test says. Its zero value
// is not ahead.
type Clock struct{ ahead atomic.Int64 }

// Now is what the clock shows.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
