package flowclient

import (
	"net/url"
	"regexp"
	"strings"
)

// Redirect sends the visitor to an address. It does not prove a sign-in: a flow can
// have a redirect in its middle.
type Redirect struct {
	Base
	// To is the address as authentik sent it. A relative address is one at
	// authentik.
	To string
	// Path is the path of To below authentik's root, with its query. It is empty if To
	// does not lead to a part of authentik.
	Path string
	// Final says that the redirect ends a finished flow. Only authentik 2026.8
	// and later say so; for older releases it is always false.
	Final bool
}

// RedirectClass says where a redirect leads, and so how to handle it.
type RedirectClass int

// The classes of redirects.
const (
	// RedirectForbidden must not be followed: it is a javascript:, data: or similar
	// address, or cannot be parsed.
	RedirectForbidden RedirectClass = iota
	// RedirectFinished ends the flow: it leads to a page of authentik that is not part
	// of signing in.
	RedirectFinished
	// RedirectFlow leads to another flow. The client follows it.
	RedirectFlow
	// RedirectExecutor leads to the flow executor. The client follows it.
	RedirectExecutor
	// RedirectDefaultFlow leads to the flow that authentik chooses. The client follows
	// it.
	RedirectDefaultFlow
	// RedirectApplication leads to the endpoint of a provider, or launches an
	// application.
	RedirectApplication
	// RedirectSource leads to an external service to sign in with; see
	// Client.StartSource.
	RedirectSource
	// RedirectExternal leads to another site. It is for the visitor's browser.
	RedirectExternal
	// RedirectScheme opens an app on the visitor's device.
	RedirectScheme
)

// String returns the name of the class.
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

// Class returns the class of the redirect.
func (r Redirect) Class() RedirectClass {
	if r.Path != "" {
		return pathClass(r.Path)
	}
	return externalClass(r.To)
}

// Flow returns the flow that the redirect leads to. It returns false unless the
// class is RedirectFlow or RedirectExecutor.
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

// pathClass returns the class of a path below authentik's root.
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

// externalClass returns the class of an address outside authentik.
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
		// A scheme-relative address leads browsers to another host.
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

// parseRef parses a reference. It refuses references that browsers parse
// differently: they treat a backslash as a slash and skip white space.
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

// resolveRedirects sets Path in every redirect of a challenge.
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

// pathBelow returns the path and query of a reference below authentik's root. A
// relative reference is always authentik's. An absolute one is authentik's only
// if it leads to a part that flows use, because an application may be on the
// same host.
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

// trimRoot removes the root's own path from that of u. An address outside the
// root on the same host is not part of authentik, and ends a flow like any
// other page.
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
