package proxy

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// serve answers the gate's own addresses. What is not one of them is
// nobody's: it never reaches the application.
func (g *Gate) serve(w http.ResponseWriter, r *http.Request, at Resolved) {
	path := at.Asked.Path[len(g.cfg.Prefix):]
	route, known := g.route(path)
	if !known {
		g.fail(w, r, at, fault.New(fault.NotFound, nil), "/")
		return
	}
	answer, allowed := route[method(r)]
	if !allowed {
		g.fail(w, r, at, fault.New(fault.MethodNotAllowed, nil), "/")
		return
	}
	if r.Method == http.MethodPost {
		if err := g.forgery.Check(r); err != nil {
			g.fail(w, r, at, fault.New(fault.CrossSite, err), "/")
			return
		}
	}
	answer(w, r, at)
}

// An ownPage answers one address of the gate.
type ownPage func(http.ResponseWriter, *http.Request, Resolved)

// route returns what answers an address below the prefix, by method.
func (g *Gate) route(path string) (map[string]ownPage, bool) {
	switch path {
	case "/login":
		return map[string]ownPage{http.MethodGet: g.begin, http.MethodPost: g.proceed}, true
	case "/logout":
		return map[string]ownPage{http.MethodGet: g.farewell, http.MethodPost: g.leave}, true
	case framedPath:
		return map[string]ownPage{http.MethodGet: g.unframed}, true
	case "/callback":
		return map[string]ownPage{http.MethodGet: g.callback}, g.cfg.OIDC.used()
	case "/backchannel-logout":
		return map[string]ownPage{http.MethodPost: g.hearLogout}, g.cfg.OIDC.used()
	case "/frontchannel-logout":
		return map[string]ownPage{http.MethodGet: g.seeLogout}, g.cfg.OIDC.used()
	case "/session":
		return map[string]ownPage{http.MethodGet: g.whoami}, true
	}
	switch {
	case len(path) > len("/assets/") && path[:len("/assets/")] == "/assets/":
		return map[string]ownPage{http.MethodGet: g.asset}, true
	case len(path) > len("/brand/") && path[:len("/brand/")] == "/brand/":
		return map[string]ownPage{http.MethodGet: g.picture}, true
	}
	return nil, false
}

// method takes HEAD for the GET it stands for.
func method(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}

func (g *Gate) asset(w http.ResponseWriter, r *http.Request, at Resolved) {
	g.pages.Assets().ServeHTTP(w, asked(r, at))
}

func (g *Gate) picture(w http.ResponseWriter, r *http.Request, at Resolved) {
	g.pictures.ServeHTTP(w, asked(r, at))
}

// asked returns the request as it was before any rewriting.
func asked(r *http.Request, at Resolved) *http.Request {
	r = r.Clone(r.Context())
	r.URL = at.Asked
	return r
}
