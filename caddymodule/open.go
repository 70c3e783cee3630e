package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
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
	if len(h.MatcherSetsRaw) == 0 {
		return nil
	}
	loaded, err := ctx.LoadModule(h, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	var sets caddyhttp.MatcherSets
	if err := sets.FromInterface(loaded); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	h.closed = closedBy(sets)
	return nil
}

func closedBy(sets caddyhttp.MatcherSets) (closed []matchers) {
	for _, set := range sets {
		var all matchers
		for _, m := range set {
			all = append(all, matcher{caddyhttp.MatcherSet{m}, partsRead(m)})
		}
		closed = append(closed, all)
	}
	return closed
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

// open reports whether a request needs no sign-in: the matcher matches it
// neither as it was sent nor as it was rewritten, since the application may go
// by either. An address that servers read in different ways is not open by the
// part that they differ in, as `/public/..;/admin` is not. A matcher that fails
// counts as matching.
func (h *Handler) open(r *http.Request) bool {
	if len(h.closed) == 0 || h.matched(r, 0) {
		return false
	}
	sent := asked(r)
	ambiguous := rules.Ambiguous(sent.URL, r.Host)
	rewritten := sent.Method != r.Method || *sent.URL != *r.URL
	if rewritten {
		ambiguous |= rules.Ambiguous(r.URL, r.Host)
	}
	return (ambiguous == 0 || !h.matched(r, ambiguous)) && (!rewritten || !h.matchedAsSent(r, sent, ambiguous))
}

// matched reports whether a request needs a sign-in by one of the matcher sets.
func (h *Handler) matched(r *http.Request, ambiguous rules.Part) bool {
	for _, set := range h.closed {
		if matches, err := set.match(r, ambiguous); matches || err != nil {
			return true
		}
	}
	return false
}
