package authentiktest

import (
	"net/url"
	"strconv"
	"strings"
)

// A query is a parsed query string. Order matters: authentik rebuilds the
// string from its parts and compares it with what was sent.
type query []parameter

type parameter struct{ key, value string }

// parseQuery is as lenient as Python: it never fails, keeps blank values, and
// leaves invalid percent signs as they are.
func parseQuery(raw string) query {
	var q query
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		q = append(q, parameter{unquote(key), unquote(value)})
	}
	return q
}

// last is the value of the last parameter of that name.
func (q query) last(key string) (string, bool) {
	for i := len(q) - 1; i >= 0; i-- {
		if q[i].key == key {
			return q[i].value, true
		}
	}
	return "", false
}

// encode writes a query as Python's urlencode does: each name once, at its
// first place, with its last value.
func (q query) encode() string {
	var parts []string
	seen := map[string]bool{}
	for _, p := range q {
		if seen[p.key] {
			continue
		}
		seen[p.key] = true
		value, _ := q.last(p.key)
		parts = append(parts, url.QueryEscape(p.key)+"="+url.QueryEscape(value))
	}
	return strings.Join(parts, "&")
}

// reencode decodes and encodes a query, as authentik does for its redirects to
// itself.
func reencode(raw string) string { return parseQuery(raw).encode() }

func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s):
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
			b.WriteByte('%')
		default:
			b.WriteByte(s[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}
