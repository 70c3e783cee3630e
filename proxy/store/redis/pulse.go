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
	// beatEvery is how often a store asks itself whether it can be heard.
	beatEvery = 500 * time.Millisecond
	// deafAfter is how old the last proof of hearing may be. What was missed is made good for by
	// then, and hearing is tried again at least as often: in all less than two seconds.
	deafAfter = 1500 * time.Millisecond
)

// A pulse is a word to oneself, sent by every way on which names come. It is sent again when it has come
// back by all of them. Whatever was published before it was sent had to come before it.
type pulse struct {
	token string

	mu    sync.Mutex
	round int
	begun time.Time
	ways  int // zero while the round is being sent
	heard map[string]bool
	sure  time.Time // everything from before has been heard
}

func newPulse(now time.Time) *pulse {
	return &pulse{token: pulseMark + rand.Text() + pulseMark, sure: now}
}

// pulseMark begins what is no name.
const pulseMark = "."

// begin begins a round, unless the one before is not over. It returns what to send by each way.
func (p *pulse) begin(now time.Time) (word func(way int) string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.round > 0 && !p.over() {
		return nil, false
	}
	p.round++
	p.begun, p.ways, p.heard = now, 0, map[string]bool{}
	prefix := p.prefix()
	return func(way int) string { return prefix + strconv.Itoa(way) }, true
}

func (p *pulse) prefix() string { return fmt.Sprintf("%s%d%s", p.token, p.round, pulseMark) }

func (p *pulse) over() bool { return p.ways > 0 && len(p.heard) == p.ways }

// sent says by how many ways the round was sent.
func (p *pulse) sent(ways int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ways = ways
	p.prove()
}

// hear takes what has come, which may be anybody's.
func (p *pulse) hear(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.round > 0 && strings.HasPrefix(word, p.prefix()) {
		p.heard[word] = true
		p.prove()
	}
}

func (p *pulse) prove() {
	if p.over() {
		p.sure = p.begun
	}
}

// left is for how long hearing can still be believed in.
func (p *pulse) left(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return deafAfter - now.Sub(p.sure)
}
