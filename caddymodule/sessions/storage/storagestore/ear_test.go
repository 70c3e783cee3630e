package storagestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// pageOf is a notice whose names are numbered from first.
func pageOf(first uint64, names ...string) sight {
	return sight{mark: fmt.Sprint(first, names), page: page{first, names}}
}

type sights = map[string]sight

func TestAnEarTellsNewsOnceAndKnowsWhenItHasMissedSome(t *testing.T) {
	t.Parallel()
	type hearing struct {
		after  time.Duration
		seen   sights
		names  string
		missed bool
	}
	first := hearing{0, sights{"a": pageOf(4, "four", "five")}, "", true} // whatever was there before the watch began
	for name, then := range map[string][]hearing{
		"nothing new":             {{time.Second, sights{"a": pageOf(4, "four", "five")}, "", false}},
		"one name more":           {{time.Second, sights{"a": pageOf(4, "four", "five", "six")}, "six", false}},
		"old names have gone":     {{time.Second, sights{"a": pageOf(6, "six", "seven")}, "six seven", false}},
		"names came and went":     {{time.Second, sights{"a": pageOf(7, "seven")}, "", true}},
		"numbers go back":         {{time.Second, sights{"a": pageOf(1, "one")}, "", true}},
		"a new process":           {{time.Second, sights{"a": pageOf(4, "four", "five"), "b": pageOf(1, "one")}, "one", false}},
		"a new one, late":         {{time.Second, sights{"a": pageOf(4, "four", "five"), "b": pageOf(2, "two")}, "two", true}},
		"gone too early":          {{time.Second, sights{}, "", true}},
		"heard nothing for long":  {{sleptFor + time.Second, sights{"a": pageOf(4, "four", "five")}, "", true}},
		"torn, and the same torn": {{time.Second, sights{"a": {mark: "torn", torn: true}}, "", true}, {time.Second, sights{"a": {mark: "torn", torn: true}}, "", false}, {time.Second, sights{"a": pageOf(4, "four", "five", "six")}, "six", false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, now := newEar(), time.Now()
			for i, h := range append([]hearing{first}, then...) {
				now = now.Add(h.after)
				names, missed := e.take(now, h.seen)
				if missed != h.missed || !missed && strings.Join(names, " ") != h.names {
					t.Errorf("hearing %d: %q, missed %t; want %q, %t", i, names, missed, h.names, h.missed)
				}
			}
		})
	}
}

// listens lets an ear hear the same for a while.
func listens(e *ear, from time.Time, d time.Duration, seen sights) (now time.Time, missed bool) {
	for now = from; now.Sub(from) < d; now = now.Add(time.Second) {
		_, m := e.take(now, seen)
		missed = missed || m && now != from
	}
	return now, missed
}

func TestANoticeThatWasReadAndClosedMayGo(t *testing.T) {
	t.Parallel()
	e := newEar()
	now, missed := listens(e, time.Now(), closedAfter+time.Minute, sights{"a": pageOf(1, "one")})
	if len(e.silent(now)) > 0 {
		t.Error("it goes while others may still have to read it")
	}
	later, again := listens(e, now, closedAfter, sights{"a": pageOf(1, "one")})
	if missed || again || !slices.Equal(e.silent(later), []string{"a"}) {
		t.Errorf("missed %t, %t; silent are %q", missed, again, e.silent(later))
	}
	if names, missed := e.take(later, sights{}); missed || len(names) > 0 {
		t.Errorf("its going is news: %q, %t", names, missed)
	}
}

// The ear's clock is set back and forth by an hour. Forth looks like sleep and costs a
// cache; nothing is ever missed.
func TestNoNewsIsLostWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	e, now := newEar(), time.Now().Round(0)
	_, _ = e.take(now, sights{})
	heard := 0
	for i, step := range []time.Duration{time.Second, -time.Hour, time.Second, time.Hour, time.Second} {
		now = now.Add(step)
		name := fmt.Sprint(i)
		names, missed := e.take(now, sights{fmt.Sprint(i): pageOf(1, name)})
		if missed || slices.Contains(names, name) {
			heard++
		}
	}
	if heard != 5 {
		t.Errorf("%d of 5 names were heard of", heard)
	}
}

func TestANoticeKeepsWhatIsNewAndCannotGrow(t *testing.T) {
	t.Parallel()
	n, now := newNotice(), time.Now()
	for i := range 3 * notedMost {
		if seq := n.add(fmt.Sprint(i), now); seq != uint64(i+1) {
			t.Fatalf("name %d has number %d", i, seq)
		}
	}
	_, p, _ := n.page()
	if len(p.names) != notedMost || p.first != 2*notedMost+1 {
		t.Errorf("%d names, from %d", len(p.names), p.first)
	}
	n.add("late", now.Add(notedFor+time.Second))
	if _, p, _ := n.page(); len(p.names) != notedMost {
		t.Errorf("names went that nobody could read: %d are left", len(p.names))
	}
	n.done(n.latest())
	n.add("later", now.Add(notedFor+2*time.Second))
	if _, p, _ := n.page(); len(p.names) != 2 || p.next()-1 != n.latest() {
		t.Errorf("left are %q", p.names)
	}
}

func TestANoticeThatLayStillGetsNoMoreNames(t *testing.T) {
	t.Parallel()
	n, now := newNotice(), time.Now()
	n.add("one", now)
	before, _, _ := n.page()
	n.add("two", now.Add(closedAfter+time.Second))
	if same, _, _ := n.page(); same != before {
		t.Error("it was closed before its names were written")
	}
	n.done(n.latest())
	n.add("three", now.Add(3*closedAfter))
	id, p, _ := n.page()
	if id == before || p.first != 1 || !slices.Equal(p.names, []string{"three"}) {
		t.Errorf("%s after %s: %+v", id, before, p)
	}
}

// Whatever names are on it, a notice is read as it was written, and anything else is none.
func FuzzAPageIsReadAsItWasWritten(f *testing.F) {
	f.Add([]byte("1\nsession-a"))
	f.Add([]byte("18446744073709551615\na\nb"))
	f.Add([]byte("-1\na"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, value []byte) {
		p, err := readPage(value)
		if err != nil {
			return
		}
		again, err := readPage(p.encode())
		if err != nil || again.first != p.first || !slices.Equal(again.names, p.names) {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
		_, _ = newEar().take(time.Now(), sights{"a": {mark: "m", page: p}})
	})
}

// Two stores on one storage are two processes but for the name.
func TestAnotherProcessHearsOfEveryBurial(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	here, there := open(t, kept), open(t, kept)
	told := watch(t, there)
	for i := range 3 {
		name := fmt.Sprintf("session-%d", i)
		bury(t, here, name)
		hears(t, told, name)
		isRevoked(t, there, name, true)
	}
}

func TestMoreBurialsThanANoticeHoldsMakeOthersForgetEverything(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	here, _ := still(t, kept)
	there, _ := still(t, kept)
	there.attend(t.Context())
	told := watch(t, there)
	for i := range notedMost + 1 {
		bury(t, here, fmt.Sprintf("session-%d", i))
	}
	there.attend(t.Context())
	if got := <-told; got != "" {
		t.Errorf("told was %q", got)
	}
	bury(t, here, "session-last")
	there.attend(t.Context())
	if got := <-told; got != "session-last" {
		t.Errorf("told was %q", got)
	}
}

func TestWhoIsFarBehindIsToldToForgetEverything(t *testing.T) {
	t.Parallel()
	a := newAudience()
	a.admit()
	mine, sits := a.join(t.Context())
	if !sits {
		t.Fatal("nobody was let in")
	}
	defer a.leave(mine)
	for i := range cap(store.NewBacklog()) + 1 {
		a.tell(fmt.Sprint(i))
	}
	if got := <-mine.names; got != "" || len(mine.names) > 0 {
		t.Errorf("told was %q, and %d more", got, len(mine.names))
	}
}

// A notice that cannot be written makes Revoke fail, and goes out as soon as it can.
func TestANoticeThatWasNotWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	here, there := open(t, kept), open(t, kept)
	own, others := watch(t, here), watch(t, there)
	kept.setHook(func(_ context.Context, op, key string) error {
		if op == "store" && strings.Contains(key, string(notices)) {
			return errFire
		}
		return nil
	})
	if err := here.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)); err == nil {
		t.Error("nobody else knows, and nobody says so")
	}
	isRevoked(t, there, "session-a", true)
	hears(t, own, "session-a")
	kept.setHook(nil)
	hears(t, others, "session-a")
}

// Who watches learns that nothing is heard, and watches again only when
// something is.
func TestAStorageThatIsGoneAndBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		here := open(t, kept)
		there, _ := still(t, kept)
		save(t, here, "session-a", record("one"))
		told := watch(t, here)
		time.Sleep(10 * time.Second)
		if n := forget(told); n > 0 {
			t.Errorf("told to forget %d times by a storage that works", n)
		}
		kept.setHook(func(context.Context, string, string) error { return errFire })
		hears(t, told, deaf)
		time.Sleep(10 * time.Second)
		if n := forget(told); n > 0 {
			t.Errorf("%d watches have begun on a storage that fails", n)
		}
		if _, _, err := here.Load(t.Context(), "session-a"); err == nil {
			t.Error("it was loaded")
		}
		kept.setHook(nil)
		bury(t, there, "session-a")
		hears(t, told, "")
		bury(t, there, "session-b")
		hears(t, told, "session-b")
	})
}

// A watch that begins while the storage is down waits, and ends with its caller.
func TestAWatchOfAStorageThatIsDownWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		kept.setHook(func(context.Context, string, string) error { return errFire })
		s := open(t, kept)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Watch(ctx, func(name string) { t.Errorf("told %q", name) }); err != nil {
			t.Error(err)
		}
	})
}

// forget counts and takes away what is told.
func forget(told <-chan string) (n int) {
	for {
		select {
		case <-told:
			n++
		default:
			return n
		}
	}
}

// A storage that hangs is not heard either, and the ear does not fill it up.
func TestAnEarThatWaitsInVainIsDeaf(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept, back := newShelf(), make(chan struct{})
		s := open(t, kept)
		told := watch(t, s)
		kept.did()
		kept.setHook(func(context.Context, string, string) error { <-back; return nil })
		hears(t, told, deaf)
		time.Sleep(20 * time.Second)
		if n := len(kept.did()); n > 3 {
			t.Errorf("the storage was asked %d times", n)
		}
		close(back)
		_ = s.Close()
	})
}

func TestNothingIsBelievedOfAStoreThatIsClosed(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := open(t, newShelf())
		told := watch(t, s)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(10 * time.Second)
		if n := forget(told); n < 10 {
			t.Errorf("told to forget %d times in ten seconds", n)
		}
	})
}
