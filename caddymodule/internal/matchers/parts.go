package matchers

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// PartsRead returns the parts of a request that a matcher reads, as far as is known: a
// matcher that is not known, or of variables, may read all. Caddy's matchers of paths
// and hosts ignore case; others do not.
func PartsRead(m any) rules.Part {
	module, ok := m.(caddy.Module)
	if !ok {
		return rules.AllParts
	}
	switch module.CaddyModule().ID.Name() {
	case "remote_ip", "client_ip", "protocol", "tls":
		return partsNamed(m)
	case "header", "header_regexp":
		return partsNamed(m) | hostNamed(m)
	case "method":
		return rules.PartMethod | partsNamed(m)
	case "host":
		return rules.PartHost | partsNamed(m)
	case "query":
		return rules.PartQuery | partsNamed(m)
	case "path":
		return rules.PartPath | partsNamed(m) | escapesNamed(m)
	case "not":
		return partsReadNot(m)
	case "path_regexp", "file":
		return rules.PartPath | rules.PartCase | partsNamed(m)
	case "expression":
		return rules.PartPath | rules.PartAnyCase | partsNamed(m) | hostNamed(m)
	default:
		return rules.AllParts
	}
}

// partsReadNot returns the parts that the matchers in a negated matcher read.
func partsReadNot(m any) (parts rules.Part) {
	not, ok := m.(*caddyhttp.MatchNot)
	if !ok {
		return rules.AllParts
	}
	for _, set := range not.MatcherSets {
		for _, inner := range set {
			parts |= PartsRead(inner)
		}
	}
	switch parts & rules.PartAnyCase {
	case rules.PartCase, rules.PartNotCase:
		parts ^= rules.PartAnyCase
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
	{"uri.path_escaped", rules.PartPath | rules.PartAnyCase},
	{"uri.path", rules.PartPath | rules.PartAnyCase},
	{"http.request.uri", rules.PartURI | rules.PartAnyCase},
	{"http.request.orig_uri", rules.PartURI | rules.PartAnyCase},
	{"http.request.host", rules.PartHost | rules.PartAnyCase},
	{"host(", rules.PartHost},
	{"http.request.method", rules.PartMethod},
	{"http.request.orig_method", rules.PartMethod},
	{"method(", rules.PartMethod},
	{"url_pattern(", rules.PartURI | rules.PartHost | rules.PartAnyCase},
	{"vars(", rules.AllParts},
	{"vars_regexp(", rules.AllParts},
}

// placeholder matches a placeholder, and its name.
var placeholder = regexp.MustCompile(`\{\$?([a-zA-Z_][^{}\s'"]*)\}`)

// plainPlaceholders begin the names of placeholders that are known. Others, as of the
// directives map and vars, may be made from any part of the request.
var plainPlaceholders = []string{"http.request.", "http.auth.", "http.error.", "env.", "file.", "system.", "time."}

// namesOthers reports whether a text has a placeholder that is not known.
func namesOthers(text string) bool {
	for _, found := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(plainPlaceholders, func(known string) bool { return strings.HasPrefix(found[1], known) }) {
			return true
		}
	}
	return false
}

// hostNamed reports whether a matcher of headers reads the header Host, whose case it
// does not ignore.
func hostNamed(m any) rules.Part {
	text, err := json.Marshal(m)
	if err == nil && !namesHost.Match(text) {
		return 0
	}
	return rules.PartHost | rules.PartAnyCase
}

var namesHost = regexp.MustCompile(`(?i)["']!?host\\?["']`)

// upgradeHeaders are the headers, in lower case, that Caddy adds to a request
// that opens a WebSocket over HTTP/2 or HTTP/3.
var upgradeHeaders = []string{"upgrade", "connection", "sec-websocket-key"}

// partsNamed returns the parts of a request that occur in the values of a
// matcher, as placeholders or headers.
func partsNamed(m any) (parts rules.Part) {
	text, err := json.Marshal(m)
	if err != nil {
		return rules.AllParts
	}
	rest := string(text)
	if namesOthers(rest) {
		return rules.AllParts
	}
	for _, p := range addressPlaceholders {
		if strings.Contains(rest, p.text) {
			parts |= p.parts
			rest = strings.ReplaceAll(rest, p.text, "")
		}
	}
	rest = strings.ToLower(rest)
	if slices.ContainsFunc(upgradeHeaders, func(name string) bool { return strings.Contains(rest, name) }) {
		parts |= rules.PartUpgrade
	}
	return parts
}

// escapesNamed reports whether a pattern has an escape: such a pattern is
// compared with the escaped path.
func escapesNamed(m any) rules.Part {
	text, err := json.Marshal(m)
	if err == nil && !strings.Contains(string(text), "%") {
		return 0
	}
	return rules.PartEscapes
}
