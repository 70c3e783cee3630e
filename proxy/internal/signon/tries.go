package signon

import (
	"context"
	"sync"
	"time"
)

// A user whose name and password the application has refused is not tried again
// for a minute, so that no account is locked out there. A user who was signed
// in may be redirected to the login page again soon, for example in each of
// several tabs. Such tries are limited too, so that they cannot go on
// endlessly.
const (
	countedFor = time.Minute
	maxCounted = 10
	maxUsers   = 10_000 // the maximum number that is remembered; if there are more, all are forgotten
)

// A try has a user's tries within the last minute.
type try struct {
	busy    chan struct{} // a lock: a channel with room for one holder
	since   time.Time
	count   int
	refused bool
}

// tries are the tries of all users. They are safe for concurrent use.
type tries struct {
	now func() time.Time

	mu     *sync.Mutex
	byUser map[string]*try
}

func newTries(now func() time.Time) tries {
	return tries{now: now, mu: new(sync.Mutex), byUser: map[string]*try{}}
}

// of returns the try of a user.
func (t tries) of(user string) *try {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, known := t.byUser[user]
	if !known {
		if len(t.byUser) >= maxUsers {
			clear(t.byUser)
		}
		one = &try{busy: make(chan struct{}, 1)}
		t.byUser[user] = one
	}
	return one
}

// begin reports whether a user may be signed in now. It waits for another
// sign-in of the same user, so that a wrong password is not sent twice. The
// caller must end the try.
func (t tries) begin(ctx context.Context, user string) (one *try, ok bool) {
	one = t.of(user)
	select {
	case one.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	now := t.now()
	if age := now.Sub(one.since); age < 0 || age >= countedFor {
		one.since, one.count, one.refused = now, 0, false
	}
	if one.refused || one.count >= maxCounted {
		<-one.busy
		return nil, false
	}
	one.count++
	return one, true
}

// end notes whether the application has refused the user.
func (one *try) end(now time.Time, refused bool) {
	if refused {
		one.since, one.refused = now, true
	}
	<-one.busy
}
