package redis

import (
	"testing"
	"time"
)

func TestAPulseIsSureOfWhatWasBeforeARoundThatCameBackByAllWays(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	at := func(d time.Duration) time.Time { return begun.Add(d) }
	left := func(p *pulse, want time.Duration) {
		t.Helper()
		if got := p.left(begun); got != want {
			t.Errorf("sure for %v, want %v", got, want)
		}
	}
	p := newPulse(begun)
	p.hear(p.prefix() + "1") // before anything was asked
	word, ok := p.begin(at(time.Second))
	if !ok {
		t.Fatal("the first round does not begin")
	}
	p.hear(word(1)) // quicker than the answer to who sent it
	left(p, deafAfter)
	p.sent(2)
	left(p, deafAfter)
	p.hear(word(1)) // sent twice, since the first answer was lost
	left(p, deafAfter)
	if _, ok := p.begin(at(2 * time.Second)); ok {
		t.Error("a round begins before the last one is over")
	}
	p.hear(newPulse(begun).prefix() + "2") // another's
	left(p, deafAfter)
	p.hear(word(2))
	left(p, deafAfter+time.Second)
	next, ok := p.begin(at(3 * time.Second))
	if !ok {
		t.Fatal("the second round does not begin")
	}
	p.sent(1)
	p.hear(word(1)) // late
	left(p, deafAfter+time.Second)
	p.hear(next(1))
	left(p, deafAfter+3*time.Second)
}
