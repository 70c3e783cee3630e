package flowclient

import (
	"net/url"
	"regexp"
	"strings"
)

// Redirect sends the visitor elsewhere. It proves no login: a flow may have one in
// its middle.
type Redirect struct {
	Base
	// To is an address as authentik wrote it; a relative one is authentik's.
	To string
	// Path is To below authentik's root, query included, where it leads to a part
	// of authentik; else it is empty.
	Path string
	// Final says that the redirect ends a finished flow. Only authentik 2026.8 and
	// later say so; false means nothing.
	Final bool
}

// RedirectClass says what to do about a redirect.
type RedirectClass int

// The classes of redirects.
const (
	// RedirectForbidden must not be followed: javascript:, data: and their kind,
	// and whatever cannot be read.
	RedirectForbidden RedirectClass = iota
	// RedirectFinished ends the flow: authentik has no further wish.
	RedirectFinished
	// RedirectFlow leads to another flow, which the client runs by itself.
	RedirectFlow
	// RedirectExecutor leads to the executor, which the client asks by itself.
	RedirectExecutor
	// RedirectDefaultFlow leads to the flow authentik chooses, which the client
	// finds out by itself.
	RedirectDefaultFlow
	// RedirectApplication leads to a provider's endpoint or an application's launch.
	RedirectApplication
	// RedirectSource leads to another place to sign in; see Client.StartSource.
	RedirectSource
	// RedirectExternal is for the visitor's browser.
	RedirectExternal
	// RedirectScheme is for an app on the visitor's device.
	RedirectScheme
)

// String returns the class in one word.
func (c RedirectClass) String() string {
	words := []string{"forbidden", "finished", "flow", "executor", "default flow", "application", "source", "external", "scheme"}
	if c < 0 || int(c) >= len(words) {
		return "unknown"
	}
	return words[c]
}

// Component returns ComponentRedirect.
func (Redirect) Component() Component { return ComponentRedirect }

func decodeRedirect(o object, b Base) Challenge {
	return Redirect{Base: b, To: o.text("to"), Final: o.flag("final_redirect", false)}
}

// Class says what to do about the redirect.
func (r Redirect) Class() RedirectClass {
	if r.Path != "" {
		return pathClass(r.Path)
	}
	return externalClass(r.To)
}

// Flow returns the flow the redirect leads to, for RedirectFlow and
// RedirectExecutor.
func (r Redirect) Flow() (Flow, bool) {
	path, query, _ := strings.Cut(r.Path, "?")
	if m := flowPages.FindStringSubmatch(path); m != nil {
		return Flow{Slug: m[1], Query: query}, true
	}
	if m := executors.FindStringSubmatch(path); m != nil {
		values, err := url.ParseQuery(query)
		return Flow{Slug: m[1], Query: values.Get("query")}, err == nil
	}
	return Flow{}, false
}

var (
	flowPages    = regexp.MustCompile(`^/if/flow/([-a-zA-Z0-9_]+)/$`)
	executors    = regexp.MustCompile(`^/api/v3/flows/executor/([-a-zA-Z0-9_]+)/$`)
	defaultFlows = regexp.MustCompile(`^/flows/-/default/([a-z_]+)/$`)
)

// partOf tells the parts of authentik from one another, given a path below its
// root.
func pathClass(ref string) RedirectClass {
	path, _, _ := strings.Cut(ref, "?")
	switch {
	case flowPages.MatchString(path):
		return RedirectFlow
	case executors.MatchString(path):
		return RedirectExecutor
	case defaultFlows.MatchString(path):
		return RedirectDefaultFlow
	case strings.HasPrefix(path, "/application/"):
		return RedirectApplication
	case strings.HasPrefix(path, "/source/"):
		return RedirectSource
	default:
		return RedirectFinished
	}
}

// classAway is for what leads away from authentik.
func externalClass(to string) RedirectClass {
	u, err := parseRef(to)
	if err != nil {
		return RedirectForbidden
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return RedirectForbidden
		}
		return RedirectExternal
	case "":
		// A scheme-relative address: the browser takes it for another host's.
		if u.Host == "" {
			return RedirectForbidden
		}
		return RedirectExternal
	case "javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source", "ws", "wss":
		return RedirectForbidden
	default:
		return RedirectScheme
	}
}

// parseRef refuses what browsers and this package would read differently: they
// take a backslash for a slash and skip white space.
func parseRef(ref string) (*url.URL, error) {
	if strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return nil, errUnreadable
	}
	u, err := url.Parse(ref)
	if err != nil {
		return nil, errUnreadable
	}
	return u, nil
}

// placed fills in which redirects of a challenge lead to authentik itself.
func resolveRedirects(ch Challenge, root string) Challenge {
	switch c := ch.(type) {
	case Redirect:
		c.Path, _ = pathBelow(root, c.To)
		return c
	case Identification:
		for i, s := range c.Sources {
			c.Sources[i].Challenge = resolveRedirects(s.Challenge, root)
		}
		return c
	default:
		return ch
	}
}

// below returns the path and query of a reference below authentik's root. A
// relative one is always authentik's; an absolute one only where it leads to a
// part that authentik's flows use, because the root's host may be the
// application's as well.
func pathBelow(root, ref string) (string, bool) {
	home, err := url.Parse(root)
	if err != nil {
		return "", false
	}
	u, err := parseRef(ref)
	if err != nil || u.Opaque != "" || u.User != nil {
		return "", false
	}
	if u.Scheme == "" && u.Host == "" {
		return trimRoot(home, home.ResolveReference(u)), true
	}
	if u.Scheme != home.Scheme || !strings.EqualFold(u.Host, home.Host) || home.Host == "" {
		return "", false
	}
	p := trimRoot(home, u)
	own := pathClass(p) != RedirectFinished || strings.HasPrefix(p, "/if/")
	if !own {
		return "", false
	}
	return p, true
}

// inside cuts the root's own path off. What lies beside it on the same host is no
// part of authentik, and for a flow as good as its end.
func trimRoot(home, u *url.URL) string {
	prefix := strings.TrimSuffix(home.EscapedPath(), "/")
	rest, ok := strings.CutPrefix(u.EscapedPath(), prefix+"/")
	if !ok {
		return "/"
	}
	if u.RawQuery != "" {
		return "/" + rest + "?" + u.RawQuery
	}
	return "/" + rest
}
