package testsite

import (
	"testing"
	"time"
)

// Timeout is how long anything may take in a test. It is far longer than
// anything does take, as the machine may be busy: a test that fails by it has
// found something that never happens.
const Timeout = 2 * time.Minute

// pollEvery is how often Eventually looks.
const pollEvery = 20 * time.Millisecond

// Eventually waits until a condition holds, and fails the test if it never
// does. The condition runs in the caller's goroutine, so it may fail the test
// by itself. want says what is waited for.
func Eventually(t testing.TB, want string, holds func() bool) {
	t.Helper()
	EventuallyOr(t, holds, func() string { return "got no result within " + Timeout.String() + ", want " + want })
}

// EventuallyOr is Eventually with a text for the failure that is made when it
// is needed, from what was seen last.
func EventuallyOr(t testing.TB, holds func() bool, failure func() string) {
	t.Helper()
	for deadline := time.Now().Add(Timeout); !holds(); time.Sleep(pollEvery) {
		if time.Now().After(deadline) {
			t.Fatal(failure())
		}
	}
}
