package matchers

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// otherLines returns the request lines that an application may act on beside that of
// the request: the line as the client sent it, if it was rewritten, and those with an
// address that a header names. scripted are those without a script in the path.
// ambiguous are the parts of any of them, and of the request, that servers read in
// different ways.
func otherLines(r *http.Request) (all []http.Request, scripted []scriptedLine, ambiguous rules.Part) {
	sent := request.Asked(r)
	if sent.Method != r.Method || *sent.URL != *r.URL {
		all = append(all, sent)
	}
	all = append(all, named(r, sent)...)
	ambiguous = rules.Ambiguous(r.URL, r.Host) | rules.Overridden(sent.Method, r.Header, sent.URL, r.URL)
	for _, line := range all {
		ambiguous |= rules.Ambiguous(line.URL, r.Host)
	}
	scripted, some := withoutScripts(r, sent, all)
	if some {
		ambiguous |= rules.PartPath | rules.PartEscapes
	}
	return all, scripted, ambiguous
}

// maxPrefixes is how many prefixes or scripts of a path are checked. Matchers
// are called for each, and a client may send many.
const maxPrefixes = 8

// maxPrefixed is the maximum length, in bytes, of a path that is also checked
// without each prefix or script. Most servers refuse longer paths.
const maxPrefixed = 8 << 10

// named returns the request line with each other address that a header names for
// the application: one that it writes to as well, or reads instead. An address that
// is not looked at has an ambiguous path.
func named(r *http.Request, sent http.Request) (all []http.Request) {
	add := func(u *url.URL) {
		line := sent
		line.URL, line.RequestURI = u, u.RequestURI()
		all = append(all, line)
	}
	if lines := r.Header["Destination"]; len(lines) > 0 {
		add(destination(lines, r.Host))
	}
	prefixes := 0
	for prefix := range rules.Prefixes(r.Header) {
		if prefixes++; prefixes > maxPrefixes || max(len(sent.URL.Path), len(r.URL.Path)) > maxPrefixed {
			add(new(url.URL))
			break
		}
		for _, u := range []*url.URL{sent.URL, r.URL} {
			if rest, found := without(prefix, u); found {
				add(rest)
			}
		}
	}
	return all
}

// destination returns the address in the header Destination, where COPY and
// MOVE write to (RFC 4918, 10.3). An address that cannot be read, or that is
// not clearly on this host, has an ambiguous path: some servers treat all of
// "//a/b" as the path.
func destination(lines []string, host string) *url.URL {
	u, err := url.Parse(lines[0])
	switch {
	case err != nil, len(lines) > 1, strings.ContainsAny(lines[0], "?#"), u.User != nil:
		return new(url.URL)
	case u.Scheme == "" && u.Host == "" && !strings.HasPrefix(lines[0], "//"):
	case u.Scheme != "http" && u.Scheme != "https", rules.Authority(u.Scheme, u.Host) != rules.Authority(u.Scheme, host):
		return new(url.URL)
	}
	u.Scheme, u.Host, u.Opaque = "", "", ""
	return u
}

// without returns an address without a prefix, which some applications remove
// from its path.
func without(prefix string, u *url.URL) (rest *url.URL, found bool) {
	for _, path := range []string{u.Path, u.EscapedPath()} {
		if after, begins := strings.CutPrefix(path, prefix); begins {
			if after == "" {
				after = "/"
			}
			return &url.URL{Path: after, RawQuery: u.RawQuery}, true
		}
	}
	return nil, false
}

// A scriptedLine is a request line without the script in its path. Frameworks
// treat /index.php/admin as /admin: they route by the path after the script.
type scriptedLine struct {
	http.Request
	script string // the name of its file, in lower case
}

// withoutScripts returns request lines without each script in the path of a request or
// of one of its other lines. It leaves some out if there are many, or if a path is long.
func withoutScripts(r *http.Request, sent http.Request, others []http.Request) (all []scriptedLine, some bool) {
	add := func(u *url.URL) {
		for script, rest := range scripts(u.Path) {
			if some = some || len(all) == maxPrefixes || len(u.Path) > maxPrefixed; some {
				return
			}
			line := scriptedLine{Request: sent, script: script}
			line.URL = &url.URL{Path: rest, RawQuery: u.RawQuery}
			line.RequestURI = line.URL.RequestURI()
			all = append(all, line)
		}
	}
	add(r.URL)
	for _, line := range others {
		add(line.URL)
	}
	return all, some
}

// scripts yields the scripts in a path that are followed by more, each with the
// path without it.
func scripts(path string) iter.Seq2[string, string] {
	return func(yield func(script, rest string) bool) {
		for begin := 0; begin < len(path); {
			size := strings.IndexByte(path[begin:], '/')
			if size < 0 {
				return
			}
			if name := path[begin : begin+size]; isScript(name) && !yield(strings.ToLower(name), path[:begin]+path[begin+size+1:]) {
				return
			}
			begin += size + 1
		}
	}
}

// ofScripts are the endings of the names of scripts to which servers pass the
// rest of a path.
var ofScripts = []string{".php", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".aspx"}

func isScript(name string) bool {
	return slices.ContainsFunc(ofScripts, func(end string) bool {
		return len(name) > len(end) && strings.EqualFold(name[len(name)-len(end):], end)
	})
}

// names reports whether a set has the name of a script in its patterns. Such a
// set is about the addresses below that script as they are.
func (set Set) names(script string) bool {
	return strings.Contains(strings.ToLower(strings.ReplaceAll(set.text, `\`, "")), script)
}
