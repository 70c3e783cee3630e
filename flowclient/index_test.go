package flowclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// packedIndex is a text about what the compressed files in testdata hold.
const packedIndex = "testdata/INDEX.md"

// packedScenarios are the scenarios in the walks and the sources, and what each
// shows.
var packedScenarios = map[string]string{
	"concurrent-answers":            "two tabs of one browser answer the same password challenge",
	"consent-stage":                 "a consent in an authentication flow: missing, blank, wrong and stale token, then the right one",
	"language-de":                   "labels and errors in German",
	"login-two-stages":              "a login in two steps, with one wrong password",
	"login-unknown-user":            "a user name that does not exist, with and without the pretence that it does",
	"mfa-remember-device":           "a second factor that is not asked for again in the same browser",
	"midflow":                       "stages, bindings, flows and users that change or vanish in the middle of a flow",
	"prompt-restart":                "a refused answer that restarts the flow",
	"protocol-error-then-get":       "a wrong answer followed by a GET, which no longer has the error",
	"protocol-lost-session":         "answers without cookies, with unknown ones, of another stage, or to a finished flow",
	"protocol-restart":              "wrong answers where bindings restart the flow, with and without its context",
	"protocol-stage-disappears":     "a stage that a policy takes out of the flow between question and answer",
	"redirect-stage":                "redirect stages to an address and to another flow",
	"session-anonymous-user-switch": "a signed-in browser that runs the login flow again, as the same user and as another",
	"session-network-binding":       "a session bound to a network, and an address that changes",
	"source-telegram":               "a Telegram source: old, forged and good answers",
	"sources-buttons":               "an identification with one source of every kind, and where each button leads",
	"user-flows":                    "flows of a signed-in user: change of password, settings",
}

func TestTestdata_IndexSaysWhatIsPacked(t *testing.T) {
	t.Parallel()
	want := indexOfPacked(t)
	if *update {
		if err := os.WriteFile(packedIndex, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(packedIndex)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the files have; write it again with `go test -run Index -update`; got\n%s\nwant\n%s", packedIndex, got, want)
	}
}

func indexOfPacked(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# What is packed in testdata\n\nA test writes this file.\n")
	for _, about := range []string{"walks", "sources"} {
		requests := map[string]map[string]int{}
		for _, release := range recordedReleases {
			for scenario, all := range exchanges(t, about, release) {
				countIn(requests, scenario, release, len(all))
			}
		}
		fmt.Fprintf(&b, "\n## %s-<release>.json.gz: requests of each scenario\n\n", about)
		writeIndex(&b, "scenario", requests, func(scenario string) string {
			if packedScenarios[scenario] == "" {
				t.Errorf("got nothing about %s in packedScenarios, want what it shows", scenario)
			}
			return packedScenarios[scenario]
		})
	}
	for _, about := range []string{"recorded", "accepted"} {
		fmt.Fprintf(&b, "\n## %s-<release>.ndjson.gz: lines of each component\n\n", about)
		writeIndex(&b, "component", components(t, about), nil)
	}
	return b.String()
}

// components counts the lines of a file for each component that they name.
func components(t testing.TB, about string) map[string]map[string]int {
	t.Helper()
	lines := map[string]map[string]int{}
	for _, release := range recordedReleases {
		for _, line := range bytes.Split(bytes.TrimSpace(unpack(t, about+"-"+release+".ndjson.gz")), []byte("\n")) {
			var one struct{ Component string }
			if err := json.Unmarshal(line, &one); err != nil {
				t.Fatalf("%s of %s: got error %v in %s, want none", about, release, err, line)
			}
			name := one.Component
			if name == "" {
				name = "(none)"
			}
			countIn(lines, name, release, 1)
		}
	}
	return lines
}

func countIn(table map[string]map[string]int, row, column string, n int) {
	if table[row] == nil {
		table[row] = map[string]int{}
	}
	table[row][column] += n
}

func writeIndex(b *strings.Builder, first string, rows map[string]map[string]int, shows func(string) string) {
	fmt.Fprintf(b, "| %s | %s |", first, strings.Join(recordedReleases, " | "))
	if shows != nil {
		b.WriteString(" what it shows |")
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(recordedReleases)+1))
	if shows != nil {
		b.WriteString("---|")
	}
	b.WriteString("\n")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(b, "| %s |", name)
		for _, release := range recordedReleases {
			if n := rows[name][release]; n > 0 {
				fmt.Fprintf(b, " %d |", n)
			} else {
				b.WriteString(" – |")
			}
		}
		if shows != nil {
			b.WriteString(" " + shows(name) + " |")
		}
		b.WriteString("\n")
	}
}
