package seal

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

var kinds = []Kind{
	KindSession, KindVisit, KindBrowser, KindPicture, KindLink, KindIndex, KindUser, KindSID, KindState, KindRelay, KindBack,
	KindMailed, KindLateForm, KindLapse,
}

// sealedBefore is how versions before this one have sealed values of every kind.
func sealedBefore(t testing.TB, b Box, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.lock.Seal(nil, nil, out.Bytes(), nil)
}

// openedBefore is how versions before this one open values of every kind.
func openedBefore(t testing.TB, b Box, sealed []byte) (v []string) {
	t.Helper()
	packed, err := b.lock.Open(nil, nil, sealed, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatalf("got %v, want what the version before can open", err)
	}
	return v
}

// values have all the lengths at which something changes.
func values() (all [][]string) {
	for _, n := range []int{0, 1, minSmall - 6, minSmall - 5, minSmall - 4, minFast - 6, minFast - 5, minFast - 4, maxStored - 6, maxStored - 5, maxStored - 4, maxStored, 1 << 18} {
		all = append(all, []string{strings.Repeat("x", n)})
	}
	return all
}

func TestBox_VersionsOpenEachOthersValues(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		b := ring(1).Box(kind, "realm", Secret{1})
		for _, want := range values() {
			sealed, err := b.Seal(want)
			if err != nil {
				t.Fatal(err)
			}
			var own, old []string
			if err := b.Open(sealed, &own); err != nil || own[0] != want[0] {
				t.Errorf("%s of %d bytes: got %v, want it opened", kind, len(want[0]), err)
			}
			if err := b.Open(sealedBefore(t, b, want), &old); err != nil || old[0] != want[0] {
				t.Errorf("%s of %d bytes, sealed before: got %v, want it opened", kind, len(want[0]), err)
			}
			if got := openedBefore(t, b, sealed); got[0] != want[0] {
				t.Errorf("%s: got %d bytes by the version before, want %d", kind, len(got[0]), len(want[0]))
			}
		}
	}
}

// TestBox_StoredBlockIsNotReadPastItsEnd has the values that only look like one
// stored block. Only the gate itself could have sealed them.
func TestBox_StoredBlockIsNotReadPastItsEnd(t *testing.T) {
	t.Parallel()
	b := ring(1).Box(KindSID, "realm", Secret{1})
	for _, packed := range []string{
		"", "\x01", "\x01\x02\x00\xfd\xff", "\x01\x03\x00\xfc\xff{}", "\x01\x02\x00\xfd\xfe{}", "\x00\x02\x00\xfd\xff{}",
	} {
		var v map[string]string
		if err := b.Open(b.lock.Seal(nil, nil, []byte(packed), nil), &v); err == nil {
			t.Errorf("%q: got %v opened, want an error", packed, v)
		}
	}
}

// TestBox_ValuesDoNotShareMemory has many sealed and opened at once: what was
// opened must not change when buffers are used again.
func TestBox_ValuesDoNotShareMemory(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b := ring(1).Box(kinds[i%len(kinds)], "realm", Secret{byte(i)})
			var kept []json.RawMessage
			for n := range 100 {
				sealed, err := b.Seal(map[string]string{"a": fmt.Sprint(i, " ", n, strings.Repeat("y", n*7))})
				if err != nil {
					t.Error(err)
					return
				}
				var v json.RawMessage
				if err := b.Open(sealed, &v); err != nil {
					t.Error(err)
					return
				}
				kept = append(kept, v)
			}
			for n, raw := range kept {
				if want := fmt.Sprintf(`{"a":"%d %d%s"}`, i, n, strings.Repeat("y", n*7)); string(raw) != want {
					t.Errorf("got %.40q, want %.40q", raw, want)
				}
			}
		})
	}
	all.Wait()
}

// sessionText is about what is stored of a session with twenty groups.
func sessionText() map[string]any {
	groups := make([]string, 20)
	for i := range groups {
		groups[i] = fmt.Sprintf("department-%02d", i)
	}
	return map[string]any{
		"user":    map[string]any{"username": "jane", "name": "Jane Doe", "email": "jane@example.com", "groups": groups},
		"cookies": map[string]string{"authentik_session": strings.Repeat("eyJhbGciOiJIUzI1NiJ9.", 12) + NewSecret().Cookie()},
		"addr":    "192.0.2.1", "agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	}
}

func BenchmarkSeal(b *testing.B) {
	v := sessionText()
	for _, kind := range []Kind{KindSession, KindRelay, KindBrowser} {
		b.Run(string(kind), func(b *testing.B) {
			box := ring(1).Box(kind, "realm", Secret{1})
			b.ReportAllocs()
			var sealed []byte
			for b.Loop() {
				var err error
				if sealed, err = box.Seal(v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(sealed)), "bytes")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, kind := range []Kind{KindSession, KindRelay, KindBrowser} {
		b.Run(string(kind), func(b *testing.B) {
			box := ring(1).Box(kind, "realm", Secret{1})
			sealed, err := box.Seal(sessionText())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				var v map[string]any
				if err := box.Open(sealed, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBox is what it costs to derive a name and a key.
func BenchmarkBox(b *testing.B) {
	k := ring(1)
	b.ReportAllocs()
	for b.Loop() {
		k.Box(KindSession, "realm", Secret{1})
	}
}
