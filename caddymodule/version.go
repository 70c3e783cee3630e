package caddymodule

import (
	"log/slog"
	"strconv"
	"strings"
)

// oldestSafe is the first Caddy that drops request headers whose names have an
// underscore. The gate removes those that speak of identity by itself, but an
// older Caddy still lets pass the ones that other parts of the site rely on.
var oldestSafe = [3]int{2, 11, 4}

// warnOfOldCaddy tells the operator if the Caddy around the gate is older than
// that. A version that cannot be read, as of a Caddy built from a checkout, says
// nothing.
func warnOfOldCaddy(version string, log *slog.Logger) {
	if parsed, known := parseVersion(version); known && older(parsed, oldestSafe) {
		log.Warn("this Caddy lets clients send header names with underscores, which many applications read as hyphens; update it to 2.11.4 or newer",
			"caddy_version", version)
	}
}

// parseVersion reads a version like v2.11.4 or v2.11.4-beta.1; a version
// before a release counts as the release.
func parseVersion(text string) (v [3]int, known bool) {
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
