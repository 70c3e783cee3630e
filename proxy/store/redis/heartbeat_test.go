package redis

import (
	"testing"
	"time"
)

func TestHeartbeat_ProvesWhatWasSentBeforeACompleteRound(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	after := func(d time.Duration) time.Time { return begun.Add(d) }
	remaining := func(h *heartbeat, want time.Duration) {
		t.Helper()
		if got := h.remaining(begun); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	h := newHeartbeat(begun)
	h.receive(h.prefix() + "1") // before the first round
	message, ok := h.begin(after(time.Second))
	if !ok {
		t.Fatal("got no first round, want one")
	}
	h.receive(message(1)) // before the sender has its answer
	remaining(h, maxSilence)
	h.sent(2)
	remaining(h, maxSilence)
	h.receive(message(1)) // published twice, since the first answer was lost
	remaining(h, maxSilence)
	if _, ok := h.begin(after(2 * time.Second)); ok {
		t.Error("got a round before the last one was complete, want none")
	}
	h.receive(newHeartbeat(begun).prefix() + "2") // of another process
	remaining(h, maxSilence)
	h.receive(message(2))
	remaining(h, maxSilence+time.Second)
	next, ok := h.begin(after(3 * time.Second))
	if !ok {
		t.Fatal("got no second round, want one")
	}
	h.sent(1)
	h.receive(message(1)) // late
	remaining(h, maxSilence+time.Second)
	h.receive(next(1))
	remaining(h, maxSilence+3*time.Second)
}
