package signin

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestWaits_AreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWaits(func() time.Time { return now })
	asked := 0
	fetch := func(context.Context) news { asked++; return news{progress: progressDone} }
	for i := range maxWaits {
		if got := w.ask(t.Context(), fmt.Sprint(i), fetch); got.progress != progressDone {
			t.Fatalf("visit %d: got %v, want progress", i, got.progress)
		}
	}
	if got := w.ask(t.Context(), "another", fetch); got.progress != progressNone || asked != maxWaits {
		t.Errorf("one visit more: got %v after %d requests, want nothing new after %d", got.progress, asked, maxWaits)
	}
	if got := w.ask(t.Context(), "0", fetch); got.progress != progressDone || asked != maxWaits {
		t.Errorf("the first visit again: got %v after %d requests, want what is known", got.progress, asked)
	}
	now = now.Add(newsLifetime)
	if got := w.ask(t.Context(), "another", fetch); got.progress != progressDone {
		t.Errorf("two seconds later: got %v, want progress", got.progress)
	}
}
