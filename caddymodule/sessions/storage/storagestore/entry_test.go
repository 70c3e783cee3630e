package storagestore

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// damages are what may become of a record in a storage that tears.
var damages = map[string]func([]byte) []byte{
	"nothing is left":      func([]byte) []byte { return nil },
	"cut in the head":      func(b []byte) []byte { return b[:len(magic)+3] },
	"cut in the value":     func(b []byte) []byte { return b[:headSize+2] },
	"cut at the end":       func(b []byte) []byte { return b[:len(b)-1] },
	"longer than it was":   func(b []byte) []byte { return append(b, 0) },
	"zeros at the end":     func(b []byte) []byte { return append(b[:len(b)-8], make([]byte, 8)...) },
	"a changed end":        func(b []byte) []byte { b[len(magic)+versionSize+1]++; return b },
	"a changed version":    func(b []byte) []byte { b[len(magic)]++; return b },
	"of another format":    func(b []byte) []byte { b[len(magic)-1] = '2'; return b },
	"a file of somebody's": func([]byte) []byte { return []byte(strings.Repeat("not ours\n", 20)) },
}

func TestARecordThatIsNotWholeIsNothingAndKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := newShelf()
			s, log := still(t, kept)
			r := record("one")
			r.Version = save(t, s, "session-a", r)
			kept.change(t, key(t, records, "session-a"), damage)
			holds(t, s, "session-a", "")
			if !strings.Contains(log.String(), "not whole") || !strings.Contains(log.String(), "session-a.kept") {
				t.Errorf("the log says %q", log.String())
			}
			if _, err := s.Save(t.Context(), "session-a", r); !errors.Is(err, store.ErrConflict) {
				t.Errorf("the version is still there: %v", err)
			}
			save(t, s, "session-a", record("two"))
			holds(t, s, "session-a", "two")
			kept.change(t, key(t, records, "session-a"), damage)
			if err := s.Delete(t.Context(), "session-a"); err != nil {
				t.Fatal(err)
			}
			if got := kept.keys("authentik/sessions"); len(got) > 0 {
				t.Errorf("Delete has left %q", got)
			}
		})
	}
}

// A tombstone opens nothing when it breaks.
func TestATombstoneThatIsNotWholeStillBuries(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := newShelf()
			s, _ := still(t, kept)
			bury(t, s, "session-a")
			kept.change(t, key(t, ended, "session-a"), damage)
			isRevoked(t, s, "session-a", true)
			if _, err := s.Save(t.Context(), "session-a", record("one")); !errors.Is(err, store.ErrConflict) {
				t.Errorf("saving: %v", err)
			}
			bury(t, s, "session-a")
			if e := decode(key(t, ended, "session-a"), kept.files[key(t, ended, "session-a")]); e.torn {
				t.Error("burying again did not mend it")
			}
		})
	}
}

func TestALeaseThatIsNotWholeCanBeTaken(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	for range 2 {
		if _, held, err := s.Lease(t.Context(), "work", time.Hour); !held || err != nil {
			t.Fatalf("held %t, %v", held, err)
		}
		kept.change(t, key(t, leases, "work"), func(b []byte) []byte { return b[:20] })
	}
}

// Records are good under their own name and as what they are.
func TestWhatWasMovedInTheStorageIsNotWhole(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	save(t, s, "session-a", record("one"))
	from := key(t, records, "session-a")
	for _, to := range []string{key(t, records, "session-b"), key(t, leases, "session-a")} {
		kept.files[to] = bytes.Clone(kept.files[from])
	}
	holds(t, s, "session-b", "")
	if _, held, err := s.Lease(t.Context(), "session-a", time.Hour); !held || err != nil {
		t.Errorf("a record passes for a lease: %t, %v", held, err)
	}
}

func TestDecodingNeverPanicsAndKeepsWhatWasEncoded(t *testing.T) {
	t.Parallel()
	whole := fresh(time.Now(), []byte("value"))
	all, err := whole.encode("key")
	if err != nil {
		t.Fatal(err)
	}
	for n := range all {
		if e := decode("key", all[:n]); !e.torn {
			t.Errorf("%d of %d bytes are whole", n, len(all))
		}
	}
	e := decode("key", all)
	if e.torn || e.version != whole.version || string(e.value) != "value" || !e.until.Equal(whole.until.Truncate(time.Millisecond)) {
		t.Errorf("got %+v, want %+v", e, whole)
	}
	if _, err := (entry{}).encode("key"); err == nil {
		t.Error("nothing was written as something")
	}
}
