package storagestore

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
)

// formatOne is a storage as commit 18f9ec5 has written it, before the store was
// moved here. What it says is valid until 2200, except what is called expired.
const formatOne = "testdata/format-1"

// copied returns a copy of the storage.
func copied(t *testing.T) *certmagic.FileStorage {
	t.Helper()
	storage := fileStorage(t)
	if err := os.CopyFS(storage.Path, os.DirFS(formatOne)); err != nil {
		t.Fatal(err)
	}
	return storage
}

// Sessions, revocations and leases survive an upgrade, and processes of both
// versions can share a storage during one.
func TestFormat_WhatTheFirstVersionWroteIsFound(t *testing.T) {
	t.Parallel()
	s, log := newIdle(t, copied(t))
	expectValue(t, s, "session-a", "two")
	expectValue(t, s, "session-expired", "")
	expectValue(t, s, "session-revoked", "") // its record lies beside the tombstone
	expectRevoked(t, s, "session-a", false)
	expectRevoked(t, s, "session-revoked", true)
	expectRevoked(t, s, "end-user", true)
	expectRevoked(t, s, "end-expired", false)
	for name, want := range map[string]bool{"refresh": false, "expired": true} {
		if _, held, err := s.Lease(t.Context(), name, time.Hour); held != want || err != nil {
			t.Errorf("lease %s: got held %t, %v, want %t", name, held, err, want)
		}
	}
	r, _, err := s.Load(t.Context(), "session-a")
	if err != nil {
		t.Fatal(err)
	}
	r.Value = []byte("three")
	save(t, s, "session-a", r)
	if log.String() != "" {
		t.Errorf("got this log, want an empty one:\n%s", log)
	}
}

func TestFormat_NoticesAndTurnOfTheFirstVersionAreRead(t *testing.T) {
	t.Parallel()
	s, _ := newIdle(t, copied(t))
	all, err := s.readNotices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := all["2b1327cdfed075e2"]
	if got := strings.Join(f.notice.names, " "); f.torn || f.notice.first != 1 || got != "session-revoked end-user end-expired" {
		t.Errorf("got %q from %d (torn %t), want the names that were revoked", got, f.notice.first, f.torn)
	}
	if mine, n, err := s.claimTurn(t.Context()); mine.version == "" || n != 7 || err != nil {
		t.Errorf("got directory %d, %v, want the turn for 7", n, err)
	}
}

// What this version writes is what the first one wrote, byte for byte.
func TestFormat_EntriesAreWrittenAsTheFirstVersionDid(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(formatOne, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		want, err := os.ReadFile(file) //nolint:gosec // in testdata
		if err != nil {
			return err
		}
		key := filepath.ToSlash(strings.TrimPrefix(file, formatOne+"/"))
		e := decode(key, want)
		if got, err := e.encode(key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %q (%v), want %q", key, got, err, want)
		}
		if id, ours := nameOf(key); ours && strings.Contains(key, string(notices)) {
			if n, err := decodeNotice(e.value); err != nil || !bytes.Equal(n.encode(), e.value) || noticePlace(id).key != key {
				t.Errorf("%s: got %q (%v), want %q", key, n.encode(), err, e.value)
			}
		}
		return nil
	})
	if err != nil || files != 10 {
		t.Errorf("got %d files, %v, want 10", files, err)
	}
	p, err := placeOf(records, "session-a")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.lockOf("0a"), "authentik_sessions_session-a_0a"; got != want {
		t.Errorf("got lock %s, want %s", got, want)
	}
	if got, want := turnPlace.lockOf("0a"), "authentik_sweep_0a"; got != want {
		t.Errorf("got lock %s, want %s", got, want)
	}
}
