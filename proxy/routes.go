package proxy

import (
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
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

// routes returns what answers the gate's own addresses, by their path below the
// prefix. A path that ends with a slash stands for all names below it.
func (g *Gate) routes() map[string]route {
	all := map[string]route{
		"/login":            {http.MethodGet: directed(g.signIn.Begin), http.MethodPost: directed(g.signIn.Answer)},
		"/logout":           {http.MethodGet: g.signOut.Page, http.MethodPost: g.signOut.SignOut},
		exchange.FramedPath: get(g.signIn.Unframe),
		exchange.DeepPath:   get((*exchange.Exchange).Lengthen),
		"/session":          get(g.signOut.Session),
		"/assets/":          get(func(x *exchange.Exchange) { g.shared.Pages.Assets().ServeHTTP(x.W, x.Asked()) }),
		"/brand/":           get(func(x *exchange.Exchange) { g.pictures.ServeHTTP(x.W, x.Asked()) }),
	}
	if g.cfg.OIDC.used() {
		all["/callback"] = get(directed(g.signIn.Callback))
		all["/backchannel-logout"] = post(g.signOut.BackChannel)
		all["/frontchannel-logout"] = get(g.signOut.FrontChannel)
	}
	return all
}

// route finds what answers a path below the prefix.
func (g *Gate) route(path string) (found route, ok bool) {
	if found, ok = g.own[path]; ok && !strings.HasSuffix(path, "/") {
		return found, true
	}
	if i := strings.IndexByte(strings.TrimPrefix(path, "/"), '/'); i >= 0 && len(path) > i+2 {
		found, ok = g.own[path[:i+2]]
		return found, ok
	}
	return nil, false
}

// serve answers the gate's own addresses. Whatever else lies below the prefix
// never reaches the application.
func (g *Gate) serve(x *exchange.Exchange) {
	found, ok := g.route(x.At.Asked.Path[len(g.cfg.Prefix):])
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
		if err := g.forgery.Check(x.R); err != nil {
			x.Fail(fault.New(fault.CrossSite, err), "/")
			return
		}
	}
	answer(x)
}
