package flowclient

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

var releases = []string{"2024.8", "2025.2", "2025.10", "2026.5", "2026.8"}

// recordedReleases are those whose challenges were recorded from real servers.
var recordedReleases = []string{"2025.10", "2026.5", "2026.8"}

// samples returns the challenges of one release by file name.
func samples(t testing.TB, release string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/challenges/" + release + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no challenges of %s, %v, want some", release, err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file) //nolint:gosec // Test data.
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = raw
	}
	return out
}

// bodies returns all distinct executor answers of a recorded release.
func bodies(t testing.TB, release string) [][]byte {
	t.Helper()
	out := bytes.Split(bytes.TrimSpace(unpack(t, "recorded-"+release+".ndjson.gz")), []byte("\n"))
	if len(out) < 400 {
		t.Fatalf("got %d recorded answers of %s, want at least 400", len(out), release)
	}
	return out
}

func decoded(t testing.TB, raw []byte) Challenge {
	t.Helper()
	ch, err := Decode(raw)
	if err != nil {
		t.Fatalf("got error %[2]v, want %[1]s decoded", raw, err)
	}
	return ch
}

// outline returns a challenge as plain values, without the raw bytes.
func outline(t testing.TB, ch Challenge) any {
	t.Helper()
	raw, err := json.Marshal(ch)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return stripRaw(v)
}

func stripRaw(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "Raw")
		for k := range v {
			v[k] = stripRaw(v[k])
		}
	case []any:
		for i := range v {
			v[i] = stripRaw(v[i])
		}
	}
	return v
}

func TestDecode_MatchesTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		got := map[string]any{}
		for name, raw := range samples(t, release) {
			ch := decoded(t, raw)
			got[name] = map[string]any{"type": fmt.Sprintf("%T", ch), "value": outline(t, ch)}
		}
		file := "testdata/golden/" + release + ".json"
		if *update {
			out, _ := json.MarshalIndent(got, "", " ")
			if err := os.WriteFile(file, append(out, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file) //nolint:gosec // Test data.
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(golden, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", release, diff)
		}
	}
}

func TestComponents_EachHasATypeAndAnExample(t *testing.T) {
	t.Parallel()
	if len(Components()) != 30 || len(decoders) != 30 {
		t.Fatalf("got %d components and %d decoders, want 30 of each", len(Components()), len(decoders))
	}
	found := map[Component]bool{}
	for _, release := range releases {
		for name, raw := range samples(t, release) {
			ch := decoded(t, raw)
			if _, unknown := ch.(Unknown); unknown {
				t.Errorf("%s of %s: got Unknown, want a type", name, release)
			}
			found[ch.Component()] = true
		}
	}
	for _, c := range Components() {
		if decoders[c] == nil || !found[c] {
			t.Errorf("%s: got decoder %v, example %v, want both", c, decoders[c] != nil, found[c])
		}
		if got := decoded(t, []byte(`{"component":"`+string(c)+`"}`)).Component(); got != c {
			t.Errorf("got component %[2]s of a bare %[1]s, want the same", c, got)
		}
	}
}

// TestDecode_KeepsEveryRecordedValue looks for every text and number that a real
// authentik sent in the typed challenge, without its raw bytes. The component is the
// type itself.
func TestDecode_KeepsEveryRecordedValue(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		for _, raw := range bodies(t, release) {
			ch := decoded(t, raw)
			if u, unknown := ch.(Unknown); unknown {
				t.Errorf("%s: got unknown component %q", release, u.Name)
			}
			shown := map[string]bool{}
			leaves("", outline(t, ch), func(_, v string) { shown[v] = true })
			var sent any
			if err := json.Unmarshal(raw, &sent); err != nil {
				t.Fatal(err)
			}
			leaves("", sent, func(key, v string) {
				if !shown[inGo(key, v)] && key != "component" {
					t.Errorf("%s: got no %s=%q in %s, want every value kept", release, key, v, ch.Component())
				}
			})
		}
	}
}

// inGo returns a value as it is in the outline of a challenge that has it as a time
// or a duration.
func inGo(key, v string) string {
	switch key {
	case "last_used":
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.Format(time.RFC3339Nano)
		}
	case "challenge_idle_timeout":
		if n, err := strconv.Atoi(v); err == nil {
			return fmt.Sprint(float64(n) * float64(time.Second))
		}
	}
	return v
}

// leaves visits all texts, numbers and true values.
func leaves(key string, v any, visit func(key, v string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			leaves(k, inner, visit)
		}
	case []any:
		for _, inner := range v {
			leaves(key, inner, visit)
		}
	case string:
		if v != "" {
			visit(key, v)
		}
	case float64:
		visit(key, fmt.Sprint(v))
	case bool:
		if v {
			visit(key, "true")
		}
	}
}

func TestStep_RecordedChallengesSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		for _, raw := range bodies(t, release) {
			roundTrip(t, Step{Flow: login, Challenge: decoded(t, raw), Cookies: Cookies{"a": "b"}})
		}
	}
}

// roundTrip fails the test unless a step is the same after encoding and decoding,
// its challenge byte for byte.
func roundTrip(t testing.TB, s Step) {
	t.Helper()
	kept, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Step
	if err := json.Unmarshal(kept, &back); err != nil {
		t.Fatalf("got error %[2]v, want %[1]s read", kept, err)
	}
	if !reflect.DeepEqual(s, back) {
		t.Errorf("got another step back (-want +got):\n%s", cmp.Diff(s, back))
	}
}

func TestStep_UnknownChallengesAndFieldsSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"component": "ak-stage-of-tomorrow",  "pending_user": "jane", "<new>": {"b":1.0,"a":[null]}}`)
	ch := decoded(t, raw)
	u, ok := ch.(Unknown)
	if !ok || u.Name != "ak-stage-of-tomorrow" || u.Component() != "ak-stage-of-tomorrow" || u.PendingUser != "jane" {
		t.Fatalf("got %#v", outline(t, ch))
	}
	if !bytes.Equal(u.Raw, raw) {
		t.Errorf("got raw %s, want it unchanged", u.Raw)
	}
	roundTrip(t, Step{Flow: login, Challenge: ch})
	roundTrip(t, Step{Flow: login, Challenge: decoded(t, []byte(`{"component":"ak-stage-password","later":{"x":"<&>"}}`))})
}

func TestDecode_OnlyAcceptsObjects(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "null", "[]", `"x"`, "1", "{", "{}x", "<html>", "{\"component\":\"\xff\"}"} {
		if ch, err := Decode([]byte(raw)); err == nil {
			t.Errorf("%q: got %T, want an error", raw, ch)
		} else if raw != "" && strings.Contains(err.Error(), raw) {
			t.Errorf("the error repeats what was sent: got %v", err)
		}
	}
}
