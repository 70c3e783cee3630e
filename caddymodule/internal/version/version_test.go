package version

import (
	"bytes"
	"log/slog"
	"testing"
)

func TestVersion_OfAnOldCaddyIsWarnedOf(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"v2.11.3":                           true,
		"v2.10.2":                           true,
		"v2.9.99":                           true,
		"v1.99.99":                          true,
		"2.11.3":                            true,
		"v2.11.3-beta.1":                    true,
		"v2.11.4":                           false,
		"v2.11.4+meta":                      false,
		"v2.11.10":                          false,
		"v2.12.0":                           false,
		"v3.0.0":                            false,
		"unknown":                           false,
		"(devel)":                           false,
		"":                                  false,
		"v2.11":                             false,
		"v2.x.1":                            false,
		"v2.-1.1":                           false,
		"custom v2.9.1 build of a stranger": false,
	}
	for version, want := range tests {
		var lines bytes.Buffer
		WarnOfOld(version, slog.New(slog.NewTextHandler(&lines, nil)))
		if got := lines.Len() > 0; got != want {
			t.Errorf("%q: got a warning %v, want %v", version, got, want)
		}
	}
}
