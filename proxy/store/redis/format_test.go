package redis

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// formatOne is what commit 18f9ec5 has written and published, before the store
// was moved here: a line SET <key> <value> PXAT <ms> for each key, and a line
// PUBLISH <channel> <message> for each revocation.
const formatOne = "testdata/format-1.txt"

// lines of formatOne, with the quotes removed.
func formatLines(t *testing.T) (all [][]any) {
	t.Helper()
	text, err := os.ReadFile(formatOne)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var words []any
		for rest := strings.TrimSpace(line); rest != ""; {
			word, err := strconv.QuotedPrefix(rest)
			if err != nil {
				word, _, _ = strings.Cut(rest, " ")
			}
			rest = strings.TrimSpace(strings.TrimPrefix(rest, word))
			if plain, err := strconv.Unquote(word); err == nil {
				word = plain
			}
			words = append(words, word)
		}
		all = append(all, words)
	}
	return all
}

// Sessions, revocations and leases survive an upgrade, and processes of both
// versions can share a server during one.
func TestFormat_WhatTheFirstVersionWroteIsFound(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Addresses: []string{redistest.Start(t).Address}, Prefix: DefaultPrefix})
	l := watchEstablished(t, s)
	keys := 0
	for _, words := range formatLines(t) {
		if err := s.client.Do(t.Context(), words...).Err(); err != nil {
			t.Fatal(err)
		}
		switch words[0] {
		case "SET":
			keys++
		case "PUBLISH":
			l.expect(fmt.Sprint(words[2]), toldWithin)
		}
	}
	if keys != 4 {
		t.Fatalf("got %d keys, want 4", keys)
	}
	r := expectValue(t, s, "session-a", "two\x00\xff\n")
	if want := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC); !r.Expiry.Equal(want) {
		t.Errorf("got expiry %v, want %v", r.Expiry, want)
	}
	r.Value = []byte("three")
	save(t, s, "session-a", r)
	expectValue(t, s, "session-revoked", "")
	for name, want := range map[string]bool{"session-a": false, "session-revoked": true, "end-user": true} {
		if got, err := s.Revoked(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: got revoked %t, %v, want %t", name, got, err, want)
		}
	}
	if _, held, err := s.Lease(t.Context(), "refresh", time.Hour); held || err != nil {
		t.Errorf("got held %t, %v, want the lease refused", held, err)
	}
	if n, err := s.Count(t.Context(), "session"); n != 1 || err != nil {
		t.Errorf("got %d sessions, %v, want 1", n, err)
	}
}

// What this version writes is what the first one wrote, byte for byte.
func TestFormat_RecordsAreWrittenAsTheFirstVersionDid(t *testing.T) {
	t.Parallel()
	s := &Store{cfg: Config{Prefix: DefaultPrefix}}
	compared := 0
	for _, words := range formatLines(t) {
		switch words[1] {
		case s.key("session-a"):
			want := fmt.Sprint(words[2])
			r, found := decode(want)
			if got := string(encode(r)); !found || got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			compared++
		case s.key("end-user"):
			if words[2] != string(tombstoneKind) {
				t.Errorf("got tombstone %q, want %q", string(tombstoneKind), words[2])
			}
			compared++
		case s.channel():
			compared++
		}
	}
	if compared != 4 {
		t.Errorf("got %d lines compared, want 4", compared)
	}
}
