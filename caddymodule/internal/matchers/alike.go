package matchers

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// matchAlike reports whether the matcher matches a request whose path and host are
// written in lower case: many applications ignore the case of a path, and every
// server that of a host. So it does with the other slash at the path's end, unless it is
// not known whether what does not match counts. It returns asIs unless one of these
// requests gives another result.
func (m matcher) matchAlike(r *http.Request, asIs bool) (matches bool, err error) {
	host := strings.ToLower(r.Host)
	paths, escaped := []string{strings.ToLower(r.URL.Path)}, []string{strings.ToLower(r.URL.RawPath)}
	if m.reads&rules.PartAnyCase != rules.PartAnyCase && paths[0] != "/" {
		paths, escaped = append(paths, otherEnd(paths[0])), append(escaped, otherEnd(escaped[0]))
	}
	for i, path := range paths {
		if path == r.URL.Path && host == r.Host {
			continue
		}
		u := *r.URL
		u.Path, u.RawPath = path, escaped[i]
		line := http.Request{Method: r.Method, Host: host, URL: &u, RequestURI: u.RequestURI()}
		request.WithAddressAsSent(r, line, func(other *http.Request) bool {
			matches, err = m.MatchWithError(other)
			return matches
		})
		if matches != asIs || err != nil {
			return matches, err
		}
	}
	return asIs, nil
}

// otherEnd returns a path with a slash at its end, or without if it has one.
func otherEnd(path string) string {
	if without, has := strings.CutSuffix(path, "/"); has || path == "" {
		return without
	}
	return path + "/"
}

// eitherSlash returns a matcher that treats a path with a slash at its end as the same
// path without it, as many frameworks do: /admin/ for /admin, and /admin for /admin/*. more
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
