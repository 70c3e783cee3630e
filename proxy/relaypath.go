package proxy

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A relayed is what authentik's interface may ask for by way of the gate. The set is closed.
type relayed struct {
	pattern *regexp.Regexp // of a path below authentik's root; its group is the slug of a flow
	methods []string
	kind    relayKind
}

// A relayKind says how a request and its answer are treated.
type relayKind int

const (
	relayPage     relayKind = iota + 1 // the HTML of the interface
	relayFile                          // what it loads
	relayAPI                           // what it asks besides
	relayExecutor                      // the questions of flows
	relayAway                          // where other providers are reached from, which the gate's own page explains
	relayTurn                          // what sends the browser on
	relayOver                          // the first page of a visit that is over
)

// relayedPaths are what the interface of 2025.10 and 2026.5 was seen to need. Nothing else of authentik's is reachable:
// neither its interfaces for users and administrators, nor the rest of its API, nor its WebSocket, which the interface does without.
var relayedPaths = []relayed{
	{regexp.MustCompile(`^/if/flow/([-a-zA-Z0-9_]+)/$`), reading, relayPage},
	{regexp.MustCompile(`^/if/flow/([-a-zA-Z0-9_]+)/assets/` + filePath + `$`), reading, relayFile},
	{regexp.MustCompile(`^/static/(?:dist|authentik)/` + filePath + `$`), reading, relayFile},
	{regexp.MustCompile(`^/(?:files/)?media/` + filePath + `$`), reading, relayFile},
	{regexp.MustCompile(`^/api/v3/flows/executor/([-a-zA-Z0-9_]+)/$`), []string{http.MethodGet, http.MethodPost}, relayExecutor},
	{regexp.MustCompile(`^/api/v3/(?:root/config|core/brands/current)/$`), reading, relayAPI},
	{regexp.MustCompile(`^/api/v3/stages/authenticator/duo/[-0-9a-fA-F]{36}/enrollment_status/$`), []string{http.MethodPost}, relayAPI},
	{regexp.MustCompile(`^/source/(?:oauth/login|saml|kerberos|plex|telegram)/[-a-zA-Z0-9_]+/(?:start/)?$`), reading, relayAway},
	{regexp.MustCompile(`^/flows/-/(?:default/authentication|cancel)/$`), reading, relayTurn},
}

// executorPath is where the questions of flows are asked, below authentik's root.
const executorPath = "/api/v3/flows/executor/"

var reading = []string{http.MethodGet, http.MethodHead}

// filePath is the path of a file as authentik names its own: segments that mean the same to everybody.
const filePath = `(?:[-_@~+a-zA-Z0-9][-._@~+a-zA-Z0-9]*/)*[-_@~+a-zA-Z0-9][-._@~+a-zA-Z0-9]*`

// relayedAt says what a path below authentik's root is to the relay, and of which flow. ok is false for what is closed.
func relayedAt(method, path string) (kind relayKind, slug string, ok bool) {
	for _, one := range relayedPaths {
		found := one.pattern.FindStringSubmatch(path)
		if found == nil {
			continue
		}
		if len(found) > 1 {
			slug = found[1]
		}
		return one.kind, slug, slices.Contains(one.methods, method)
	}
	return 0, "", false
}

// basePath is the path of an address.
func basePath(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "/"
	}
	return u.EscapedPath()
}

// relayPath is the path of a request below authentik's root, which lies at the same place on this site's host.
func (g *Gate) relayPath(at Resolved) (string, bool) {
	below, ok := strings.CutPrefix(at.Asked.EscapedPath(), strings.TrimSuffix(g.relayBase, "/"))
	return below, ok && strings.HasPrefix(below, "/")
}
