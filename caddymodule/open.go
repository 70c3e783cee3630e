package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Matchers are one matcher set: all of them must match.
type matchers []matcher

// A matcher is a matcher of Caddy, and the parts of the address that it reads.
type matcher struct {
	caddyhttp.MatcherSet // of one
	reads                rules.Part
}

func (h *Handler) loadMatchers(ctx caddy.Context) error {
	var err error
	h.closedText = strings.Join(describe(h.MatcherSetsRaw), " or ")
	if h.closed, err = loadSets(ctx, h, "MatcherSetsRaw", len(h.MatcherSetsRaw)); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	return h.loadRules(ctx)
}

// readBy returns matcher sets with what each matcher reads.
func readBy(sets caddyhttp.MatcherSets) (all []matchers) {
	for _, set := range sets {
		var read matchers
		for _, m := range set {
			read = append(read, matcher{caddyhttp.MatcherSet{m}, partsRead(m)})
		}
		all = append(all, read)
	}
	return all
}

// name returns the name of the matcher's module.
func (m matcher) name() string {
	if module, ok := m.MatcherSet[0].(caddy.Module); ok {
		return module.CaddyModule().ID.Name()
	}
	return ""
}

// everything reports whether the matcher has a path that stands for all.
func (m matcher) everything() bool {
	paths, _ := m.MatcherSet[0].(caddyhttp.MatchPath)
	return slices.Contains(paths, "*") || slices.Contains(paths, "/*")
}

// partsRead returns the parts of the address that a matcher reads, as far as is
// known: a matcher that is not known reads the path.
func partsRead(m any) rules.Part {
	module, ok := m.(caddy.Module)
	if !ok {
		return rules.AllParts
	}
	switch module.CaddyModule().ID.Name() {
	case "remote_ip", "client_ip", "method", "protocol", "tls", "header", "header_regexp":
		return partsNamed(m)
	case "host":
		return rules.PartHost | partsNamed(m)
	case "query":
		return rules.PartQuery | partsNamed(m)
	case "path":
		return rules.PartPath | partsNamed(m) | escapesNamed(m)
	case "not":
		return partsReadNot(m)
	default:
		return rules.PartPath | partsNamed(m)
	}
}

// partsReadNot returns what the matchers in a negated matcher read.
func partsReadNot(m any) (parts rules.Part) {
	not, ok := m.(*caddyhttp.MatchNot)
	if !ok {
		return rules.AllParts
	}
	for _, set := range not.MatcherSets {
		for _, inner := range set {
			parts |= partsRead(inner)
		}
	}
	return parts
}

// addressPlaceholders are placeholders, and functions of expressions, that read
// a part of the address. The longest come first.
var addressPlaceholders = []struct {
	text  string
	parts rules.Part
}{
	{"uri.query", rules.PartQuery},
	{"uri.prefixed_query", rules.PartQuery},
	{"query(", rules.PartQuery},
	{"uri.path_escaped", rules.PartPath},
	{"uri.path", rules.PartPath},
	{"http.request.uri", rules.AllParts &^ rules.PartHost},
	{"http.request.orig_uri", rules.AllParts &^ rules.PartHost},
	{"http.request.host", rules.PartHost},
	{"host(", rules.PartHost},
}

// partsNamed returns the parts of the address that placeholders in the values
// of a matcher read.
func partsNamed(m any) (parts rules.Part) {
	text, err := json.Marshal(m)
	if err != nil {
		return rules.AllParts
	}
	rest := string(text)
	for _, p := range addressPlaceholders {
		if strings.Contains(rest, p.text) {
			parts |= p.parts
			rest = strings.ReplaceAll(rest, p.text, "")
		}
	}
	return parts
}

// escapesNamed says that a pattern with an escape is compared with the path as
// it is written.
func escapesNamed(m any) rules.Part {
	text, err := json.Marshal(m)
	if err == nil && !strings.Contains(string(text), "%") {
		return 0
	}
	return rules.PartEscapes
}

// match reports whether all matchers match a request. Those that read one of
// the ambiguous parts count as matching.
func (all matchers) match(r *http.Request, ambiguous rules.Part) (bool, error) {
	for _, m := range all {
		if m.reads&ambiguous != 0 {
			continue
		}
		if matches, err := m.MatchWithError(r); !matches || err != nil {
			return false, err
		}
	}
	return true, nil
}

// opens reports whether all matchers match a request, and none reads one of the
// ambiguous parts or fails.
func (all matchers) opens(r *http.Request, ambiguous rules.Part) bool {
	for _, m := range all {
		if m.reads&ambiguous != 0 {
			return false
		}
		if matches, err := m.MatchWithError(r); !matches || err != nil {
			return false
		}
	}
	return true
}

// open reports whether a request needs no sign-in. It is looked at as it was
// sent and as it was rewritten, since the application may go by either.
func (h *Handler) open(r *http.Request) bool {
	return len(h.closed) > 0 && !concerns(h.closed, r) || len(h.opened) > 0 && opens(h.opened, r)
}

// concerns reports whether one of the matcher sets matches a request, as it was
// sent or as it was rewritten. An address that servers read in different ways
// matches by the part that they differ in, as `/public/..;/admin` does. A matcher
// that fails counts as matching.
func concerns(sets []matchers, r *http.Request) bool {
	if matched(sets, r, 0) {
		return true
	}
	sent, rewritten, ambiguous := asSent(r)
	if ambiguous != 0 && matched(sets, r, ambiguous) {
		return true
	}
	return rewritten && withRequestAsSent(r, sent, func(second *http.Request) bool {
		return matched(sets, second, 0) || ambiguous != 0 && matched(sets, second, ambiguous)
	})
}

// opens reports whether a matcher set matches a request as it was sent, and one
// as it was rewritten, by parts of the address that all servers read alike.
func opens(sets []matchers, r *http.Request) bool {
	sent, rewritten, ambiguous := asSent(r)
	open := func(r *http.Request) bool {
		return slices.ContainsFunc(sets, func(set matchers) bool { return set.opens(r, ambiguous) })
	}
	return open(r) && (!rewritten || withRequestAsSent(r, sent, open))
}

// asSent returns the request line as the client sent it, whether it was
// rewritten, and which parts of either are ambiguous.
func asSent(r *http.Request) (sent http.Request, rewritten bool, ambiguous rules.Part) {
	sent = asked(r)
	ambiguous = rules.Ambiguous(sent.URL, r.Host)
	if rewritten = sent.Method != r.Method || *sent.URL != *r.URL; rewritten {
		ambiguous |= rules.Ambiguous(r.URL, r.Host)
	}
	return sent, rewritten, ambiguous
}

// matched reports whether one of the matcher sets matches a request. Matchers of
// the ambiguous parts, and those that fail, count as matching.
func matched(sets []matchers, r *http.Request, ambiguous rules.Part) bool {
	for _, set := range sets {
		if matches, err := set.match(r, ambiguous); matches || err != nil {
			return true
		}
	}
	return false
}
