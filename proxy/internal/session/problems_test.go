package session

import (
	"fmt"
	"testing"
	"time"
)

func TestReported_IsOncePerProblemByTheGatesClock(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := newReported(func() time.Time { return now })
	if r.first("expired", 0) {
		t.Error("problem of an expired session: got it reported, want it not")
	}
	if !r.first("header", time.Hour) || r.first("header", time.Hour) {
		t.Error("problem that occurs twice: want it reported once")
	}
	now = now.Add(time.Hour - 1)
	if r.sweep(); r.first("header", time.Hour) {
		t.Error("problem before the session expires: got it reported again, want it not")
	}
	now = now.Add(1)
	if r.sweep(); r.kept.Len() != 0 {
		t.Errorf("problems remembered after the session has expired: got %d, want none", r.kept.Len())
	}
}

func TestReported_IsBounded(t *testing.T) {
	t.Parallel()
	r := newReported(time.Now)
	for i := range maxReported + 10 {
		if !r.first(fmt.Sprint(i), time.Hour) {
			t.Fatalf("problem %d: got it not reported, want it reported", i)
		}
	}
	if got := r.kept.Len(); got != maxReported {
		t.Errorf("problems remembered: got %d, want %d", got, maxReported)
	}
}
