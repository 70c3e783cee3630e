package storagestore

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// damages are the ways in which a stored entry can be damaged.
var damages = map[string]func([]byte) []byte{
	"nothing is left":    func([]byte) []byte { return nil },
	"cut in the head":    func(b []byte) []byte { return b[:len(magic)+3] },
	"cut in the value":   func(b []byte) []byte { return b[:headSize+2] },
	"cut at the end":     func(b []byte) []byte { return b[:len(b)-1] },
	"longer than it was": func(b []byte) []byte { return append(b, 0) },
	"zeros at the end":   func(b []byte) []byte { return append(b[:len(b)-8], make([]byte, 8)...) },
	"a changed end":      func(b []byte) []byte { b[len(magic)+versionSize+1]++; return b },
	"a changed version":  func(b []byte) []byte { b[len(magic)]++; return b },
	"of another format":  func(b []byte) []byte { b[len(magic)-1] = '2'; return b },
	"another file":       func([]byte) []byte { return []byte(strings.Repeat("not ours\n", 20)) },
}

func TestEntry_TornRecordCountsAsNone(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := newMemoryStorage()
			s, log := newIdle(t, kept)
			r := record("one")
			r.Version = save(t, s, "session-a", r)
			kept.change(t, keyOf(t, records, "session-a"), damage)
			expectValue(t, s, "session-a", "")
			if !strings.Contains(log.String(), "entry is damaged") || !strings.Contains(log.String(), "session-a.kept") {
				t.Errorf("got log %q, want the damaged entry with its key in it", log.String())
			}
			if _, err := s.Save(t.Context(), "session-a", r); !errors.Is(err, store.ErrConflict) {
				t.Errorf("got %v, want a conflict", err)
			}
			save(t, s, "session-a", record("two"))
			expectValue(t, s, "session-a", "two")
			kept.change(t, keyOf(t, records, "session-a"), damage)
			if err := s.Delete(t.Context(), "session-a"); err != nil {
				t.Fatal(err)
			}
			if got := kept.keys("authentik/sessions"); len(got) > 0 {
				t.Errorf("got %q after Delete, want nothing", got)
			}
		})
	}
}

func TestEntry_TornTombstoneStillCounts(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := newMemoryStorage()
			s, _ := newIdle(t, kept)
			revoke(t, s, "session-a")
			kept.change(t, keyOf(t, ended, "session-a"), damage)
			expectRevoked(t, s, "session-a", true)
			if _, err := s.Save(t.Context(), "session-a", record("one")); !errors.Is(err, store.ErrConflict) {
				t.Errorf("got %v, want a conflict", err)
			}
			revoke(t, s, "session-a")
			if e := decode(keyOf(t, ended, "session-a"), kept.files[keyOf(t, ended, "session-a")]); e.torn {
				t.Error("got a torn tombstone after another Revoke, want a complete one")
			}
		})
	}
}

func TestEntry_TornLeaseCanBeTaken(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	for range 2 {
		if _, held, err := s.Lease(t.Context(), "work", time.Hour); !held || err != nil {
			t.Fatalf("got held %t, %v, want the lease", held, err)
		}
		kept.change(t, keyOf(t, leases, "work"), func(b []byte) []byte { return b[:20] })
	}
}

// The checksum covers the key: an entry is valid only under its own.
func TestEntry_MovedOneIsTorn(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	save(t, s, "session-a", record("one"))
	from := keyOf(t, records, "session-a")
	for _, to := range []string{keyOf(t, records, "session-b"), keyOf(t, leases, "session-a")} {
		kept.files[to] = bytes.Clone(kept.files[from])
	}
	expectValue(t, s, "session-b", "")
	if _, held, err := s.Lease(t.Context(), "session-a", time.Hour); !held || err != nil {
		t.Errorf("got held %t, %v, want a lease although a record was copied to its key", held, err)
	}
}

func TestEntry_DecodesWhatWasEncoded(t *testing.T) {
	t.Parallel()
	whole := newEntry(time.Now(), []byte("value"))
	all, err := whole.encode("key")
	if err != nil {
		t.Fatal(err)
	}
	for n := range all {
		if e := decode("key", all[:n]); !e.torn {
			t.Errorf("%d of %d bytes: got a complete entry, want a torn one", n, len(all))
		}
	}
	e := decode("key", all)
	if e.torn || e.version != whole.version || string(e.value) != "value" || !e.until.Equal(whole.until.Truncate(time.Millisecond)) {
		t.Errorf("got %+v, want %+v", e, whole)
	}
	if _, err := (entry{}).encode("key"); err == nil {
		t.Error("encoding the zero entry: got no error, want one")
	}
}
