// Package matchers evaluates Caddy's matchers for requests. A rewrite, or an
// address that servers read in different ways, never makes a request pass that
// a matcher should have caught.
//
//   - matchers.go: matcher sets, and which requests they concern or open
//   - alike.go: spellings of a path that many applications take for the same
//   - others.go: other request lines that an application may act on
//   - parts.go: the parts of an address that a matcher reads
//   - openness.go: which requests of a site need a sign-in
package matchers

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Sets are matcher sets: one of them must match.
type Sets []Set

// A Set is one matcher set: all of its matchers must match.
type Set struct {
	text string // a description as text
	all  []matcher
}

// A matcher is a matcher of Caddy, with the parts of the address that it reads.
type matcher struct {
	caddyhttp.MatcherSet // of one
	reads                rules.Part
	// more and fewer are the matcher with either slash, see eitherSlash. One of them is
	// nil, or both are.
	more, fewer caddyhttp.MatcherSet
}

// Load loads the matcher sets in a field of a module.
func Load(ctx caddy.Context, of any, field string, raw caddyhttp.RawMatcherSets) (Sets, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	texts := describe(raw) // LoadModule sets raw to nil
	loaded, err := ctx.LoadModule(of, field)
	if err != nil {
		return nil, err
	}
	var sets caddyhttp.MatcherSets
	if err := sets.FromInterface(loaded); err != nil {
		return nil, err
	}
	all := readBy(sets)
	for i := range all {
		all[i].text = texts[i]
	}
	return all, nil
}

// describe returns each matcher set as text.
func describe(raw caddyhttp.RawMatcherSets) (all []string) {
	for _, set := range raw {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(set)) {
			var words []string
			text := string(set[name])
			if json.Unmarshal(set[name], &words) == nil {
				text = strings.Join(words, " ")
			}
			if name == "path" {
				parts = append(parts, text)
				continue
			}
			parts = append(parts, name+" "+text)
		}
		all = append(all, strings.Join(parts, " and "))
	}
	return all
}

// String returns the sets as text.
func (sets Sets) String() string {
	texts := make([]string, len(sets))
	for i, set := range sets {
		texts[i] = set.text
	}
	return strings.Join(texts, " or ")
}

// readBy returns matcher sets with the parts that each matcher reads.
func readBy(sets caddyhttp.MatcherSets) (all Sets) {
	for _, set := range sets {
		var read []matcher
		for _, m := range set {
			one := matcher{MatcherSet: caddyhttp.MatcherSet{m}, reads: PartsRead(m)}
			switch wide, more := eitherSlash(m); {
			case wide != nil && more:
				one.more = caddyhttp.MatcherSet{wide}
			case wide != nil:
				one.fewer = caddyhttp.MatcherSet{wide}
			}
			read = append(read, one)
		}
		all = append(all, Set{all: read})
	}
	return all
}

// name returns the name of the matcher's module.
func (m matcher) name() string { return Name(m.MatcherSet[0]) }

// Name returns the name of a matcher's module. It is empty for a matcher that
// is not a module.
func Name(m any) string {
	if module, ok := m.(caddy.Module); ok {
		return module.CaddyModule().ID.Name()
	}
	return ""
}

// everything reports whether the matcher has a path that matches all paths.
func (m matcher) everything() bool {
	paths, ok := m.MatcherSet[0].(*caddyhttp.MatchPath)
	return ok && (slices.Contains(*paths, "*") || slices.Contains(*paths, "/*"))
}

// match reports whether all matchers match a request, as it is, in lower case or with
// either slash. Those that read one of the ambiguous parts count as matching.
func (set Set) match(r *http.Request, ambiguous rules.Part) (bool, error) {
	for _, m := range set.all {
		if m.reads&ambiguous != 0 {
			continue
		}
		matches, err := m.MatchWithError(r)
		if !matches && err == nil && m.more != nil {
			matches, err = m.more.MatchWithError(r)
		}
		if !matches && err == nil && m.reads&rules.PartCase != 0 {
			matches, err = m.matchAlike(r, false)
		}
		if !matches || err != nil {
			return false, err
		}
	}
	return true, nil
}

// opens reports whether all matchers match a request, as it is, in lower case and with
// either slash, and none reads one of the ambiguous parts or fails.
func (set Set) opens(r *http.Request, ambiguous rules.Part) bool {
	for _, m := range set.all {
		if m.reads&ambiguous != 0 {
			return false
		}
		matches, err := m.MatchWithError(r)
		if matches && err == nil && m.fewer != nil {
			matches, err = m.fewer.MatchWithError(r)
		}
		if matches && err == nil && m.reads&rules.PartNotCase != 0 {
			matches, err = m.matchAlike(r, true)
		}
		if !matches || err != nil {
			return false
		}
	}
	return true
}

// Concern reports whether one of the matcher sets matches a request, as it was
// sent or as it was rewritten. If servers read a part of the address in
// different ways, as in `/public/..;/admin`, or may read another method, matchers
// of that part count as matching. A matcher that fails counts as matching. So it is
// with the other addresses that a header names, and with the address without a script.
func (sets Sets) Concern(r *http.Request) bool {
	if sets.matched(r, 0) {
		return true
	}
	others, scripted, ambiguous := otherLines(r)
	if ambiguous != 0 && sets.matched(r, ambiguous) {
		return true
	}
	concernedAt := func(sets Sets, line http.Request) bool {
		return request.WithAddressAsSent(r, line, func(other *http.Request) bool {
			return sets.matched(other, 0) || ambiguous != 0 && sets.matched(other, ambiguous)
		})
	}
	return slices.ContainsFunc(others, func(line http.Request) bool { return concernedAt(sets, line) }) ||
		slices.ContainsFunc(scripted, func(line scriptedLine) bool {
			unnamed := slices.DeleteFunc(slices.Clone(sets), func(set Set) bool { return set.names(line.script) })
			return concernedAt(unnamed, line.Request)
		})
}

// Open reports whether a matcher set matches a request as it was sent, and one
// as it was rewritten, by parts of the address that all servers read alike, and at the
// other addresses that a header names. At the address without a script one must match
// as well, unless a set that names the script matches the request.
func (sets Sets) Open(r *http.Request) bool {
	others, scripted, ambiguous := otherLines(r)
	open := func(r *http.Request) bool {
		return slices.ContainsFunc(sets, func(set Set) bool { return set.opens(r, ambiguous) })
	}
	closedAt := func(line http.Request) bool { return !request.WithAddressAsSent(r, line, open) }
	return open(r) && !slices.ContainsFunc(others, closedAt) &&
		!slices.ContainsFunc(scripted, func(line scriptedLine) bool {
			return closedAt(line.Request) && !slices.ContainsFunc(sets, func(set Set) bool {
				return set.names(line.script) && set.opens(r, ambiguous)
			})
		})
}

// matched reports whether one of the matcher sets matches a request. Matchers of
// the ambiguous parts, and those that fail, count as matching.
func (sets Sets) matched(r *http.Request, ambiguous rules.Part) bool {
	for _, set := range sets {
		if matches, err := set.match(r, ambiguous); matches || err != nil {
			return true
		}
	}
	return false
}
