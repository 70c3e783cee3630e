package relay

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// A rule allows one kind of paths to authentik's interface.
type rule struct {
	pattern *regexp.Regexp // matches a path below authentik's root; its group is the slug of a flow
	methods []string
	kind    kind
}

// A kind says how a request and its answer are treated.
type kind int

const (
	page     kind = iota + 1 // the HTML of the interface
	file                     // files that the interface loads
	api                      // other requests of the interface
	executor                 // the challenges of flows
	away                     // the pages that lead to other providers; the gate's own page explains them
	turn                     // addresses that redirect the browser
	expired                  // addresses that begin a new sign-in: flow pages after the visit has ended, and the targets of links on authentik's pages
)

// allowed are the paths that the interface of 2025.10 and 2026.5 was seen to
// need. Nothing else of authentik can be reached: not its interfaces for users
// and administrators, not the rest of its API, and not its WebSocket.
var allowed = []rule{
	{regexp.MustCompile(`^/if/flow/([-a-zA-Z0-9_]+)/$`), reading, page},
	{regexp.MustCompile(`^/if/flow/([-a-zA-Z0-9_]+)/assets/` + filePath + `$`), reading, file},
	{regexp.MustCompile(`^/static/(?:dist|authentik)/` + filePath + `$`), reading, file},
	{regexp.MustCompile(`^/(?:files/)?media/` + filePath + `$`), reading, file},
	{regexp.MustCompile(`^/api/v3/flows/executor/([-a-zA-Z0-9_]+)/$`), []string{http.MethodGet, http.MethodPost}, executor},
	{regexp.MustCompile(`^/api/v3/(?:root/config|core/brands/current)/$`), reading, api},
	{regexp.MustCompile(`^/api/v3/stages/authenticator/duo/[-0-9a-fA-F]{36}/enrollment_status/$`), []string{http.MethodPost}, api},
	{regexp.MustCompile(`^/source/(?:oauth/login|saml|kerberos|plex|telegram)/[-a-zA-Z0-9_]+/(?:start/)?$`), reading, away},
	{regexp.MustCompile(`^/flows/-/(?:default/authentication|cancel)/$`), reading, turn},
}

// own matches the paths that belong to authentik and not to the application. A
// sign-in never leads back to such a path.
var own = regexp.MustCompile(`^/(?:if/(?:flow|user|admin|session-end|rac)|flows/-|api/v3/flows|source/(?:oauth/login|saml|kerberos|plex|telegram))/`)

// Own returns a function that reports whether a path of this host is
// authentik's own while its interface is relayed. base is authentik's path,
// with a slash at its end.
func Own(base string) func(path string) bool {
	return func(path string) bool {
		below, ok := strings.CutPrefix(path, strings.TrimSuffix(base, "/"))
		return ok && own.MatchString(below)
	}
}

// executorPath is where flows are executed, below authentik's root.
const executorPath = "/api/v3/flows/executor/"

var reading = []string{http.MethodGet, http.MethodHead}

// filePath matches the path of a file as authentik names its own: segments that
// every server reads alike.
const filePath = `(?:[-_@~+a-zA-Z0-9][-._@~+a-zA-Z0-9]*/)*[-_@~+a-zA-Z0-9][-._@~+a-zA-Z0-9]*`

// lookup returns the kind of a path below authentik's root, and its flow. ok is
// false for a path that is not allowed.
func lookup(method, path string) (kind kind, slug string, ok bool) {
	for _, one := range allowed {
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

// BasePath returns the path of an address.
func BasePath(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "/"
	}
	return u.EscapedPath()
}

// path returns the path of a request below authentik's root. The root has the
// same path on this site's host.
func (h *Handler) path(at exchange.Resolved) (string, bool) {
	below, ok := strings.CutPrefix(at.Asked.EscapedPath(), strings.TrimSuffix(h.Base, "/"))
	return below, ok && strings.HasPrefix(below, "/")
}
