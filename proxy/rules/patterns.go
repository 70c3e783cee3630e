package rules

import (
	"fmt"
	"slices"
	"strings"
)

// GroupPattern checks a pattern for the names of groups.
func GroupPattern(pattern string) error {
	if strings.Trim(pattern, " \t*") == "" {
		return fmt.Errorf("%q is not a pattern that selects groups; write for example app-*", pattern)
	}
	return nil
}

// MatchesAny reports whether a name, such as that of a group or of a cookie,
// matches one of the patterns. In a pattern * matches any characters, or none.
// Case matters, as in a Requirement.
func MatchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}

func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}
