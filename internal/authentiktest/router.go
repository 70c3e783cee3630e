package authentiktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

// ServeHTTP implements [http.Handler]. It is the router that every installation
// has in front of authentik's core: it serves static files and adds its headers
// to the answers of the core. Recordings are of the core only.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveStatic(w, r) || s.serveSocket(w, r) || s.serveMarker(w, r) {
		return
	}
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("X-Powered-By", "authentik")
	s.serveCore(w, r)
}

// A static file is served by the router, without a session.
type static struct {
	kind  string
	bytes []byte
}

// madeFiles are the static files made so far, by release.
var madeFiles sync.Map

// staticFiles returns the static files of a release, which all servers share:
// encoding the pictures takes longer than all else that [New] does.
func staticFiles(d dialect) map[string]static {
	if files, found := madeFiles.Load(d.version); found {
		return files.(map[string]static)
	}
	files := pictures()
	maps.Copy(files, interfaceOf(d))
	made, _ := madeFiles.LoadOrStore(d.version, files)
	return made.(map[string]static)
}

// built is the date of the static files.
var built = time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)

// flowAssets are files of the interface, by addresses relative to the page of a
// flow.
var flowAssets = regexp.MustCompile(`^/if/flow/[^/]+/assets/`)

// sourceIcons are the icons of other identity providers, which all look alike
// here.
var sourceIcons = regexp.MustCompile(`^/static/authentik/sources/[a-z]+\.svg$`)

// serveStatic serves a static file, and reports whether there is one. Browsers
// may keep it, and ask whether it has changed.
func (s *Server) serveStatic(w http.ResponseWriter, r *http.Request) bool {
	name := flowAssets.ReplaceAllString(s.below(r), dist+"assets/")
	name = sourceIcons.ReplaceAllString(name, defaultLogo)
	file, found := s.statics[name]
	if !found || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	sum := sha256.Sum256(file.bytes)
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Cache-Control", "public, no-transform")
	h.Set("Vary", "X-authentik-version, Etag")
	h.Set("X-Authentik-Version", s.dialect.version)
	h.Set("Etag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", built, bytes.NewReader(file.bytes))
	return true
}

// below is the path of a request below web.path.
func (s *Server) below(r *http.Request) string {
	return "/" + strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, s.base), "/")
}

// serveSocket accepts the WebSocket that every page of the interface opens, and
// sends nothing. It reports whether the request is one for it.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) bool {
	if s.below(r) != "/ws/client/" || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return false
	}
	websocket.Server{Handler: func(c *websocket.Conn) { _, _ = io.Copy(io.Discard, c) }}.ServeHTTP(w, r)
	return true
}

// markers are texts at the addresses of what visitors must not reach: the
// administrators' API, the embedded outpost, the metrics. authentik answers
// differently there; a test recognises by the marker that a request has come
// through.
var markers = map[string]string{
	"/api/v3/core/users/":          "authentik users",
	"/outpost.goauthentik.io/ping": "authentik outpost",
	"/-/metrics/":                  "authentik metrics",
}

func (s *Server) serveMarker(w http.ResponseWriter, r *http.Request) bool {
	text, found := markers[s.below(r)]
	if found {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text+"\n") // the client may have gone
	}
	return found
}
