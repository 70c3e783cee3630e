package rules

import (
	"fmt"
	"strings"
)

// GroupPattern checks a pattern for the names of groups.
func GroupPattern(pattern string) error {
	if strings.Trim(pattern, " \t*") == "" {
		return fmt.Errorf("%q is not a pattern that selects groups; write for example app-*", pattern)
	}
	return nil
}

// GroupMatches reports whether a group's name has a pattern, in which * stands
// for any characters, or none. Case counts, as in a Requirement.
func GroupMatches(pattern, name string) bool {
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
