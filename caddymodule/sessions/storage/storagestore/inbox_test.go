package storagestore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// foundNotice is a notice whose names are numbered from first.
func foundNotice(first uint64, names ...string) found {
	return found{mark: fmt.Sprint(first, names), notice: notice{first, names}}
}

type foundNotices = map[string]found

func TestInbox_ReturnsNewNamesOnceAndNoticesGaps(t *testing.T) {
	t.Parallel()
	type poll struct {
		after  time.Duration
		all    foundNotices
		names  string
		missed bool
	}
	torn := found{mark: "torn", torn: true}
	first := poll{0, foundNotices{"a": foundNotice(4, "four", "five")}, "", true} // nothing is known before it
	for name, then := range map[string][]poll{
		"nothing new":         {{time.Second, foundNotices{"a": foundNotice(4, "four", "five")}, "", false}},
		"one more name":       {{time.Second, foundNotices{"a": foundNotice(4, "four", "five", "six")}, "six", false}},
		"old names removed":   {{time.Second, foundNotices{"a": foundNotice(6, "six", "seven")}, "six seven", false}},
		"names came and went": {{time.Second, foundNotices{"a": foundNotice(7, "seven")}, "", true}},
		"numbers went back":   {{time.Second, foundNotices{"a": foundNotice(1, "one")}, "", true}},
		"a new process":       {{time.Second, foundNotices{"a": foundNotice(4, "four", "five"), "b": foundNotice(1, "one")}, "one", false}},
		"a new one, too late": {{time.Second, foundNotices{"a": foundNotice(4, "four", "five"), "b": foundNotice(2, "two")}, "two", true}},
		"removed too early":   {{time.Second, foundNotices{}, "", true}},
		"a long gap":          {{maxGap + time.Second, foundNotices{"a": foundNotice(4, "four", "five")}, "", true}},
		"torn, then complete": {
			{time.Second, foundNotices{"a": torn}, "", true},
			{time.Second, foundNotices{"a": torn}, "", false},
			{time.Second, foundNotices{"a": foundNotice(4, "four", "five", "six")}, "six", false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, now := newInbox(), time.Now()
			for i, p := range append([]poll{first}, then...) {
				now = now.Add(p.after)
				names, missed := in.receive(now, p.all)
				if missed != p.missed || !missed && strings.Join(names, " ") != p.names {
					t.Errorf("poll %d: got %q, missed %t, want %q, %t", i, names, missed, p.names, p.missed)
				}
			}
		})
	}
}

// pollFor finds the same notices every second for a while.
func pollFor(in *inbox, from time.Time, d time.Duration, all foundNotices) (now time.Time, missed bool) {
	for now = from; now.Sub(from) < d; now = now.Add(time.Second) {
		_, m := in.receive(now, all)
		missed = missed || m && now != from
	}
	return now, missed
}

func TestInbox_FinishedNoticesMayBeRemoved(t *testing.T) {
	t.Parallel()
	in := newInbox()
	now, missed := pollFor(in, time.Now(), closedAfter+time.Minute, foundNotices{"a": foundNotice(1, "one")})
	if got := in.finished(now); len(got) > 0 {
		t.Errorf("got %q finished while other processes may not have read it, want none", got)
	}
	later, again := pollFor(in, now, closedAfter, foundNotices{"a": foundNotice(1, "one")})
	if got := in.finished(later); missed || again || !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q finished, missed %t and %t, want a, and nothing missed", got, missed, again)
	}
	if names, missed := in.receive(later, foundNotices{}); missed || len(names) > 0 {
		t.Errorf("got %q, missed %t after its removal, want no news", names, missed)
	}
}

// The clock is set forward and back by an hour. Forward looks like sleep, and
// costs a cache; nothing is ever missed.
func TestInbox_SettingTheClockLosesNoName(t *testing.T) {
	t.Parallel()
	in, now := newInbox(), time.Now().Round(0)
	_, _ = in.receive(now, foundNotices{})
	known := 0
	for i, step := range []time.Duration{time.Second, -time.Hour, time.Second, time.Hour, time.Second} {
		now = now.Add(step)
		name := fmt.Sprint(i)
		names, missed := in.receive(now, foundNotices{name: foundNotice(1, name)})
		if missed || slices.Contains(names, name) {
			known++
		}
	}
	if known != 5 {
		t.Errorf("got %d names, want 5", known)
	}
}
