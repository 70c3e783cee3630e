package proxy

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func ring(b byte) keyring { return keyring{bytes.Repeat([]byte{b}, minKey)} }

func TestARecordOpensForItsKindRealmBrowserAndGateAlone(t *testing.T) {
	t.Parallel()
	browser := newSecret()
	sealed, err := ring(1).box(kindVisit, "realm", browser).seal(map[string]string{"user": "jane"})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]box{
		"kind":    ring(1).box(kindSession, "realm", browser),
		"realm":   ring(1).box(kindVisit, "other", browser),
		"browser": ring(1).box(kindVisit, "realm", newSecret()),
		"gate":    ring(2).box(kindVisit, "realm", browser),
		"seam":    ring(1).box("visit\x00realm", "", browser),
	} {
		var v map[string]string
		if err := b.open(sealed, &v); err == nil || v != nil {
			t.Errorf("another %s opens it: %v", name, v)
		}
	}
	var v map[string]string
	if err := ring(1).box(kindVisit, "realm", browser).open(sealed, &v); err != nil || v["user"] != "jane" {
		t.Errorf("it does not open at all: %v, %v", v, err)
	}
}

func TestNamesOfRecordsDifferAsTheirKeysDo(t *testing.T) {
	t.Parallel()
	browser := newSecret()
	seen := map[string]bool{}
	for _, b := range []box{
		ring(1).box(kindVisit, "a", browser), ring(1).box(kindSession, "a", browser), ring(1).box(kindSession, "b", browser),
		ring(2).box(kindSession, "a", browser), ring(1).box(kindSession, "a", newSecret()),
	} {
		if seen[b.name] || len(b.name) > 80 || strings.Trim(b.name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("name %q", b.name)
		}
		seen[b.name] = true
	}
}

func FuzzOpen(f *testing.F) {
	b := ring(1).box(kindVisit, "realm", secret{1})
	sealed, err := b.seal(map[string]string{"a": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("anything"), 0)
	f.Add(make([]byte, 64), 77)
	f.Fuzz(func(t *testing.T, data []byte, flip int) {
		var v any
		if err := b.open(data, &v); err == nil && !bytes.Equal(data, sealed) {
			t.Fatalf("%x opens", data)
		}
		spoiled := bytes.Clone(sealed)
		spoiled[uint(flip)%uint(len(spoiled))] ^= 1 << (uint(flip) / uint(len(spoiled)) % 8)
		if err := b.open(spoiled, &v); err == nil {
			t.Fatalf("it opens with bit %d flipped", flip)
		}
		if err := b.open(sealed[:uint(flip)%uint(len(sealed))], &v); err == nil {
			t.Fatal("a part of it opens")
		}
	})
}

func TestASecretHasOneSpelling(t *testing.T) {
	t.Parallel()
	s := newSecret()
	if got, ok := parseSecret(s.cookie()); !ok || got != s {
		t.Fatal("a secret does not survive its cookie")
	}
	spelled := s.cookie()
	last := spelled[len(spelled)-1]
	for _, wrong := range []string{"", spelled + "A", spelled[1:], spelled + "=", " " + spelled, `"` + spelled + `"`} {
		if _, ok := parseSecret(wrong); ok {
			t.Errorf("%q is taken for a secret", wrong)
		}
	}
	// Two of the last character's bits are no part of the secret and must be zero.
	for c := byte('A'); c <= 'Z'; c++ {
		if c != last && (strings.IndexByte(alphabet, c)%4 != 0) {
			if _, ok := parseSecret(spelled[:len(spelled)-1] + string(c)); ok {
				t.Errorf("a second spelling, ending in %c, is taken", c)
			}
		}
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := newSecret()
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s)
	said := out.String() + fmt.Sprintf("%v %+v %s", s, s, s)
	if strings.Contains(said, s.cookie()) || strings.Contains(said, fmt.Sprint(s[0], s[1])) {
		t.Errorf("printed: %s", said)
	}
}

func TestAPictureIsFetchedOnlyByANameThatTheGateHasMade(t *testing.T) {
	t.Parallel()
	mine, other := newPictureSeal(ring(1)), newPictureSeal(ring(2))
	name := mine.seal("/static/logo.svg?token=x")
	if address, ok := mine.unseal(name); !ok || address != "/static/logo.svg?token=x" {
		t.Fatalf("%q, %t", address, ok)
	}
	if name != mine.seal("/static/logo.svg?token=x") {
		t.Error("the name changes, so no browser could keep the picture")
	}
	_, text, _ := strings.Cut(name, ".")
	for _, forged := range []string{other.seal("/static/logo.svg?token=x"), "." + text, text, "", "x." + text, name + "A"} {
		if _, ok := mine.unseal(forged); ok {
			t.Errorf("%q is believed", forged)
		}
	}
}
