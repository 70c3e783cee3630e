package caddymodule

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestValidate_SaysWhatToWriteInstead holds what "caddy validate" says about
// Caddyfiles, most of which are wrong.
func TestValidate_SaysWhatToWriteInstead(t *testing.T) {
	files, err := filepath.Glob("testdata/validate/*.caddyfiletest")
	if err != nil || len(files) < 12 {
		t.Fatalf("got %d golden files, %v, want 12 and more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			checkGolden(t, file, verdict)
		})
	}
}

// verdict returns the warnings about a Caddyfile, and whether it is valid.
func verdict(t testing.TB, input string) string {
	t.Helper()
	log, err := validate(t, input)
	var text strings.Builder
	for line := range strings.Lines(log) {
		var fields struct{ Level, Logger, Msg string }
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(fields.Logger, "http.handlers.authentik") {
			text.WriteString(fields.Level + ": " + fields.Msg + "\n")
		}
	}
	if err == nil {
		return text.String() + "valid\n"
	}
	return text.String() + "error: " + err.Error() + "\n"
}
