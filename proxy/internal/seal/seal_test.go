package seal

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func ring(b byte) Key { return NewKey(bytes.Repeat([]byte{b}, MinKey)) }

func TestBox_OpensOnlyForItsKindRealmBrowserAndGate(t *testing.T) {
	t.Parallel()
	browser := NewSecret()
	sealed, err := ring(1).Box(KindVisit, "realm", browser).Seal(map[string]string{"user": "jane"})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]Box{
		"kind":    ring(1).Box(KindSession, "realm", browser),
		"realm":   ring(1).Box(KindVisit, "other", browser),
		"browser": ring(1).Box(KindVisit, "realm", NewSecret()),
		"gate":    ring(2).Box(KindVisit, "realm", browser),
		"seam":    ring(1).Box("visit\x00realm", "", browser),
	} {
		var v map[string]string
		if err := b.Open(sealed, &v); err == nil || v != nil {
			t.Errorf("got %[2]v with another %[1]s, want it closed", name, v)
		}
	}
	var v map[string]string
	if err := ring(1).Box(KindVisit, "realm", browser).Open(sealed, &v); err != nil || v["user"] != "jane" {
		t.Errorf("got %v, %v, want it opened", v, err)
	}
}

func TestBox_NamesDifferAsKeysDo(t *testing.T) {
	t.Parallel()
	browser := NewSecret()
	seen := map[string]bool{}
	for _, b := range []Box{
		ring(1).Box(KindVisit, "a", browser), ring(1).Box(KindSession, "a", browser), ring(1).Box(KindSession, "b", browser),
		ring(2).Box(KindSession, "a", browser), ring(1).Box(KindSession, "a", NewSecret()),
	} {
		if seen[b.Name()] || len(b.Name()) > 80 || strings.Trim(b.Name(), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("got the name %q, want one of its own of up to 80 characters", b.Name())
		}
		seen[b.Name()] = true
	}
}

func FuzzOpen(f *testing.F) {
	b := ring(1).Box(KindVisit, "realm", Secret{1})
	sealed, err := b.Seal(map[string]string{"a": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("anything"), 0)
	f.Add(make([]byte, 64), 77)
	f.Fuzz(func(t *testing.T, data []byte, flip int) {
		var v any
		if err := b.Open(data, &v); err == nil && !bytes.Equal(data, sealed) {
			t.Fatalf("got %x opened, want it refused", data)
		}
		spoiled := bytes.Clone(sealed)
		spoiled[uint(flip)%uint(len(spoiled))] ^= 1 << (uint(flip) / uint(len(spoiled)) % 8)
		if err := b.Open(spoiled, &v); err == nil {
			t.Fatalf("got it opened with bit %d flipped, want it refused", flip)
		}
		if err := b.Open(sealed[:uint(flip)%uint(len(sealed))], &v); err == nil {
			t.Fatal("got a part of it opened, want it refused")
		}
	})
}

func TestSecret_HasOneSpelling(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	if got, ok := ParseSecret(s.Cookie()); !ok || got != s {
		t.Fatal("got another secret from its cookie, want the same")
	}
	spelled := s.Cookie()
	last := spelled[len(spelled)-1]
	for _, wrong := range []string{"", spelled + "A", spelled[1:], spelled + "=", " " + spelled, `"` + spelled + `"`} {
		if _, ok := ParseSecret(wrong); ok {
			t.Errorf("got a secret from %q, want it refused", wrong)
		}
	}
	// Two of the last character's bits are no part of the secret and must be zero.
	for c := byte('A'); c <= 'Z'; c++ {
		if c != last && (strings.IndexByte(alphabet, c)%4 != 0) {
			if _, ok := ParseSecret(spelled[:len(spelled)-1] + string(c)); ok {
				t.Errorf("got a secret from a second spelling that ends in %c, want it refused", c)
			}
		}
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestSecret_IsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s)
	said := out.String() + fmt.Sprintf("%v %+v %s", s, s, s)
	if strings.Contains(said, s.Cookie()) || strings.Contains(said, fmt.Sprint(s[0], s[1])) {
		t.Errorf("got %s, want no secret printed", said)
	}
}
