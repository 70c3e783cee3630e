package matchers

import (
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// eitherSlash returns a matcher that takes a path with a slash at its end for the same
// as without, as many frameworks do: /admin/ for /admin, and /admin for /admin/*. more
// says that it matches more requests than m; otherwise it matches fewer. It returns nil
// if m has no pattern of a path that this concerns.
func eitherSlash(m any) (wide any, more bool) {
	switch m := m.(type) {
	case *caddyhttp.MatchPath:
		patterns := append(caddyhttp.MatchPath(nil), *m...)
		for _, pattern := range *m {
			if other := otherSlash(pattern); other != "" {
				patterns = append(patterns, other)
			}
		}
		if len(patterns) > len(*m) {
			return &patterns, true
		}
	case *caddyhttp.MatchNot:
		return eitherSlashNot(m)
	}
	return nil, false
}

// eitherSlashNot is eitherSlash of a negated matcher. What is negated twice stays as
// it is.
func eitherSlashNot(m *caddyhttp.MatchNot) (wide any, more bool) {
	not, changed := new(caddyhttp.MatchNot), false
	for _, set := range m.MatcherSets {
		var inner caddyhttp.MatcherSet
		for _, one := range set {
			if wide, more := eitherSlash(one); wide != nil && more {
				one, changed = wide, true
			}
			inner = append(inner, one)
		}
		not.MatcherSets = append(not.MatcherSets, inner)
	}
	if !changed {
		return nil, false
	}
	return not, false
}

// otherSlash returns the pattern of the path with a slash at its end, or without, or
// nothing if the pattern matches both.
func otherSlash(pattern string) string {
	switch {
	case pattern == "/" || pattern == "/*" || strings.Contains(pattern, "{"):
		return ""
	case strings.HasSuffix(pattern, "/*"):
		return strings.TrimSuffix(pattern, "/*")
	case strings.HasSuffix(pattern, "*"):
		return ""
	case strings.HasSuffix(pattern, "/"):
		return strings.TrimSuffix(pattern, "/")
	default:
		return pattern + "/"
	}
}
