package redis

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// heartbeatEvery is the pause between two heartbeats.
	heartbeatEvery = 500 * time.Millisecond
	// maxSilence is the maximum age of the last heartbeat before the
	// subscription counts as lost. Watchers are then notified in less than two
	// seconds.
	maxSilence = 1500 * time.Millisecond
)

// A heartbeat is a message that the store sends to itself through every master
// that can publish a revoked name. When it has come back from all of them,
// everything that was published before has been received. Then the next is
// sent.
type heartbeat struct {
	token string

	mu       sync.Mutex
	round    int
	sentAt   time.Time
	masters  int // the number of masters through which it was sent; zero while it is being sent
	received map[string]bool
	proven   time.Time // all earlier messages have been received
}

func newHeartbeat(now time.Time) *heartbeat {
	return &heartbeat{token: heartbeatMark + rand.Text() + heartbeatMark, proven: now}
}

// heartbeatMark begins a heartbeat. No name contains it.
const heartbeatMark = "."

// begin begins a round, unless the previous one is not complete. It returns the
// message to publish through each master.
func (h *heartbeat) begin(now time.Time) (message func(master int) string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.round > 0 && !h.complete() {
		return nil, false
	}
	h.round++
	h.sentAt, h.masters, h.received = now, 0, map[string]bool{}
	prefix := h.prefix()
	return func(master int) string { return prefix + strconv.Itoa(master) }, true
}

func (h *heartbeat) prefix() string { return fmt.Sprintf("%s%d%s", h.token, h.round, heartbeatMark) }

func (h *heartbeat) complete() bool { return h.masters > 0 && len(h.received) == h.masters }

// sent notes through how many masters the round was sent.
func (h *heartbeat) sent(masters int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.masters = masters
	h.prove()
}

// receive gets every message, even those of other processes.
func (h *heartbeat) receive(message string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.round > 0 && strings.HasPrefix(message, h.prefix()) {
		h.received[message] = true
		h.prove()
	}
}

func (h *heartbeat) prove() {
	if h.complete() {
		h.proven = h.sentAt
	}
}

// remaining returns how long the subscription may be trusted without another
// heartbeat.
func (h *heartbeat) remaining(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maxSilence - now.Sub(h.proven)
}
