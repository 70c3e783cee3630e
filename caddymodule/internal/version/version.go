// Package version warns of a Caddy that is too old to be safe.
package version

import (
	"log/slog"
	"strconv"
	"strings"
)

// oldestSafe is the first Caddy that drops request headers with an underscore
// in their names. The gate itself removes such identity headers. An older Caddy
// still passes on other headers that the rest of the site may trust.
var oldestSafe = [3]int{2, 11, 4}

// WarnOfOld warns of a Caddy older than oldestSafe. It does not warn of a
// version that it cannot read, such as that of a Caddy built from a checkout.
func WarnOfOld(version string, log *slog.Logger) {
	if parsed, known := parse(version); known && older(parsed, oldestSafe) {
		log.Warn("Caddy's version: headers with underscores in their names, which many applications read as hyphens, are passed on; update to 2.11.4 or newer",
			"caddy_version", version)
	}
}

// parse reads a version such as v2.11.4 or v2.11.4-beta.1. A pre-release
// counts as the release.
func parse(text string) (v [3]int, known bool) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "-")
	text, _, _ = strings.Cut(text, "+")
	parts := strings.Split(text, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

func older(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
