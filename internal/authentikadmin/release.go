package authentikadmin

import (
	"cmp"
	"strconv"
	"strings"
)

// A Release is a release of authentik: its year and month, such as 2026.8.
type Release struct{ Year, Month int }

// The oldest and the newest release with which this module was tested.
var (
	Oldest = Release{2025, 10}
	Newest = Release{2026, 8}
)

// WithLogoutAddresses is the first release that distinguishes redirect URIs of
// the type "logout" from those that get authorization codes.
var WithLogoutAddresses = Release{2026, 5}

// ParseRelease reads a version such as "2026.8.0-rc1".
func ParseRelease(version string) (r Release, known bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "version-"), ".", 3)
	if len(parts) < 2 {
		return Release{}, false
	}
	year, err := strconv.Atoi(parts[0])
	if err != nil {
		return Release{}, false
	}
	month, err := strconv.Atoi(strings.TrimRight(strings.SplitN(parts[1], "-", 2)[0], "abcr"))
	return Release{year, month}, err == nil && year > 2000
}

// Compare returns -1, 0 or 1, as r is older than other, the same or newer.
func (r Release) Compare(other Release) int {
	return cmp.Or(cmp.Compare(r.Year, other.Year), cmp.Compare(r.Month, other.Month))
}

// String returns the release as authentik writes it.
func (r Release) String() string { return strconv.Itoa(r.Year) + "." + strconv.Itoa(r.Month) }
