package proxy

import (
	"net/http"
	"path"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/loginhost"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
)

// A route answers one of the gate's own addresses, by method.
type route map[string]func(*exchange.Exchange)

func get(answer func(*exchange.Exchange)) route { return route{http.MethodGet: answer} }

func post(answer func(*exchange.Exchange)) route { return route{http.MethodPost: answer} }

// directed refuses requests at a host that authentik must not be told.
func directed(answer func(*exchange.Exchange)) func(*exchange.Exchange) {
	return func(x *exchange.Exchange) {
		if x.Misdirected() {
			x.Fail(fault.New(fault.HostUnknown, nil), "/")
			return
		}
		answer(x)
	}
}

// addresses are a gate's own, which lie below its prefix.
type addresses struct {
	shared   *exchange.Shared
	pictures *pictures.Pictures
	forgery  *http.CrossOriginProtection
	routes   map[string]route // by path; one that ends with a slash stands for all names below it
}

// addressesOf returns the addresses of a gate whose rooms are built.
func addressesOf(g *Gate) addresses {
	if g.loginHost != nil {
		return g.addressesOfLoginHost()
	}
	all := map[string]route{
		"/login":            {http.MethodGet: directed(exchange.Spanned("sign-in begin", g.signIn.Begin)), http.MethodPost: directed(exchange.Spanned("sign-in answer", g.signIn.Answer))},
		"/logout":           {http.MethodGet: g.signOut.Page, http.MethodPost: exchange.Spanned("sign-out", g.signOut.SignOut)},
		exchange.FramedPath: get(g.signIn.Unframe),
		exchange.LatePath:   {http.MethodGet: g.lateForms.Arrived, http.MethodPost: g.lateForms.Continue},
		exchange.DeepPath:   get((*exchange.Exchange).Lengthen),
		"/session":          get(g.signOut.Session),
		"/assets/":          get(g.asset),
		"/brand/":           get(g.picture),
	}
	if g.cfg.OIDC.used() {
		all["/callback"] = get(directed(exchange.Spanned("sign-in callback", g.signIn.Callback)))
		all["/backchannel-logout"] = post(exchange.Spanned("sign-out notice", g.signOut.BackChannel))
		all["/frontchannel-logout"] = get(g.signOut.FrontChannel)
	}
	if g.signIn.Host != nil {
		all["/callback"] = get(g.signIn.Arrive)
	}
	if g.assertions != nil {
		all["/jwks"] = get(g.neighbours.publishKeys)
	}
	return addresses{g.shared, g.pictures, g.forgery, all}
}

// addressesOfLoginHost are those of a gate that guards nothing.
func (g *Gate) addressesOfLoginHost() addresses {
	h := g.loginHost
	all := map[string]route{
		loginhost.SignInPath: get(directed(h.SignIn)),
		"/login":             get(directed(h.Begin)),
		"/logout":            {http.MethodGet: directed(h.Page), http.MethodPost: directed(h.SignOut)},
		"/assets/":           get(g.asset),
		"/brand/":            get(g.picture),
	}
	if g.cfg.LoginHost.Page {
		all["/login"][http.MethodPost] = directed(g.signIn.Answer)
		all[exchange.DeepPath] = get((*exchange.Exchange).Lengthen)
	}
	return addresses{g.shared, g.pictures, g.forgery, all}
}

func (g *Gate) asset(x *exchange.Exchange) { g.shared.Pages.Assets().ServeHTTP(x.W, x.Asked()) }

func (g *Gate) picture(x *exchange.Exchange) { g.pictures.ServeHTTP(x.W, x.Asked()) }

// route finds what answers a path below the prefix.
func (a addresses) route(path string) (found route, ok bool) {
	if found, ok = a.routes[path]; ok && !strings.HasSuffix(path, "/") {
		return found, true
	}
	if i := strings.IndexByte(strings.TrimPrefix(path, "/"), '/'); i >= 0 && len(path) > i+2 {
		found, ok = a.routes[path[:i+2]]
		return found, ok
	}
	return nil, false
}

// has reports whether the gate answers a path below its prefix: whether it has
// such an address, and knows the asset or picture.
func (a addresses) has(below string, x *exchange.Exchange) bool {
	_, ok := a.route(below)
	switch {
	case strings.HasPrefix(below, "/assets/"):
		return ok && a.shared.Pages.Assets().Has(path.Base(below), x.At.Asked.Query().Get("v"))
	case strings.HasPrefix(below, "/brand/"):
		return ok && a.pictures.Has(path.Base(below))
	default:
		return ok
	}
}

// serve answers the gate's own addresses. Whatever else lies below the prefix
// never reaches the application.
func (a addresses) serve(x *exchange.Exchange) {
	found, ok := a.route(x.At.Asked.Path[len(a.shared.Prefix):])
	if !ok {
		x.Fail(fault.New(fault.NotFound, nil), "/")
		return
	}
	method := x.R.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	answer, allowed := found[method]
	if !allowed {
		x.Fail(fault.New(fault.MethodNotAllowed, nil), "/")
		return
	}
	if method == http.MethodPost {
		if err := a.forgery.Check(x.R); err != nil {
			x.Fail(fault.New(fault.CrossSite, err), "/")
			return
		}
	}
	answer(x)
}
