package storagestore

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestOutbox_KeepsUnreadNamesAndIsBounded(t *testing.T) {
	t.Parallel()
	o, now := newOutbox(), time.Now()
	for i := range 3 * maxNames {
		if seq := o.add(fmt.Sprint(i), now); seq != uint64(i+1) {
			t.Fatalf("name %d: got number %d, want %d", i, seq, i+1)
		}
	}
	if _, n, _ := o.notice(); len(n.names) != maxNames || n.first != 2*maxNames+1 {
		t.Errorf("got %d names from %d, want %d from %d", len(n.names), n.first, maxNames, 2*maxNames+1)
	}
	o.add("late", now.Add(keptFor+time.Second))
	if _, n, _ := o.notice(); len(n.names) != maxNames {
		t.Errorf("got %d names before they were written, want %d", len(n.names), maxNames)
	}
	o.setWritten(o.latest())
	o.add("later", now.Add(keptFor+2*time.Second))
	if _, n, _ := o.notice(); len(n.names) != 2 || n.next()-1 != o.latest() {
		t.Errorf("got %q, want the last two names", n.names)
	}
}

func TestOutbox_UnchangedNoticeGetsNoMoreNames(t *testing.T) {
	t.Parallel()
	o, now := newOutbox(), time.Now()
	o.add("one", now)
	before, _, _ := o.notice()
	o.add("two", now.Add(closedAfter+time.Second))
	if same, _, _ := o.notice(); same != before {
		t.Error("got a new notice before the names of the old one were written, want the old one")
	}
	o.setWritten(o.latest())
	o.add("three", now.Add(3*closedAfter))
	id, n, _ := o.notice()
	if id == before || n.first != 1 || !slices.Equal(n.names, []string{"three"}) {
		t.Errorf("got notice %s after %s: %+v, want a new one with one name", id, before, n)
	}
}

// Whatever the names are, a notice is read as it was written.
func FuzzNotice_IsReadAsItWasWritten(f *testing.F) {
	f.Add([]byte("1\nsession-a"))
	f.Add([]byte("18446744073709551615\na\nb"))
	f.Add([]byte("-1\na"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, value []byte) {
		n, err := decodeNotice(value)
		if err != nil {
			return
		}
		again, err := decodeNotice(n.encode())
		if err != nil || again.first != n.first || !slices.Equal(again.names, n.names) {
			t.Errorf("got %+v, %v, want %+v", again, err, n)
		}
		_, _ = newInbox().receive(time.Now(), foundNotices{"a": {mark: "m", notice: n}})
	})
}
