package background

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGroup_CloseEndsWhatRunsAndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		var ended atomic.Bool
		g.Go(func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(time.Second) // still saving something
			ended.Store(true)
		})
		g.Close()
		if !ended.Load() {
			t.Error("got Close returned while work was running, want it to wait")
		}
		if g.Go(func(context.Context) { t.Error("got work run after Close, want none") }) {
			t.Error("got true from Go after Close, want false")
		}
		g.Do(func(ctx context.Context) {
			if ctx.Err() == nil {
				t.Error("got a live context after Close, want an ended one")
			}
		})
		g.Close()
	})
}

func TestGroup_EveryRunsUntilItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		var runs atomic.Int64
		g.Every(time.Minute, func(context.Context) { runs.Add(1) })
		time.Sleep(150 * time.Second)
		g.Close()
		time.Sleep(time.Hour)
		if got := runs.Load(); got != 2 {
			t.Errorf("got %d runs in two and a half minutes, want 2", got)
		}
	})
}

func TestBeside_WaitReturnsTheResultAgainAndAgain(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	wait := Beside(func() int { <-begun; return 7 })
	close(begun)
	for range 2 {
		if got := wait(); got != 7 {
			t.Errorf("got %d, want 7", got)
		}
	}
}

func TestBeside_PanicIsOneOfItsCaller(t *testing.T) {
	t.Parallel()
	wait := Beside(func() int { panic("the store") })
	defer func() {
		if p := recover(); p != "the store" {
			t.Errorf("got %v, want the panic of the work", p)
		}
	}()
	wait()
	t.Error("got a result of work that has panicked")
}
