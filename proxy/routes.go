package proxy

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/addresses"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/loginhost"
)

// routes are the gate's own addresses below its prefix.
func (g *Gate) routes() map[string]addresses.Route {
	if g.loginHost != nil {
		return g.routesOfLoginHost()
	}
	all := map[string]addresses.Route{
		"/login":            {http.MethodGet: addresses.Directed(exchange.Spanned("sign-in begin", g.member.SignIn.Begin)), http.MethodPost: addresses.Directed(exchange.Spanned("sign-in answer", g.member.SignIn.Answer))},
		"/logout":           {http.MethodGet: g.member.SignOut.Page, http.MethodPost: exchange.Spanned("sign-out", g.member.SignOut.SignOut)},
		exchange.FramedPath: addresses.Get(g.member.SignIn.Unframe),
		exchange.LatePath:   {http.MethodGet: g.lateForms.Arrived, http.MethodPost: g.lateForms.Continue},
		exchange.DeepPath:   addresses.Get((*exchange.Exchange).Lengthen),
		"/session":          addresses.Get(g.member.SignOut.Session),
	}
	if g.cfg.OIDC.used() {
		all["/callback"] = addresses.Get(addresses.Directed(exchange.Spanned("sign-in callback", g.member.SignIn.Callback)))
		all["/backchannel-logout"] = addresses.Post(exchange.Spanned("sign-out notice", g.member.SignOut.BackChannel))
		all["/frontchannel-logout"] = addresses.Get(g.member.SignOut.FrontChannel)
	}
	if g.member.SignIn.Host != nil {
		all["/callback"] = addresses.Get(g.member.SignIn.Arrive)
	}
	if g.member.Assertions != nil {
		all["/jwks"] = addresses.Get(g.member.PublishKeys)
	}
	return all
}

// routesOfLoginHost are the addresses of a login host, which guards nothing.
func (g *Gate) routesOfLoginHost() map[string]addresses.Route {
	h := g.loginHost
	all := map[string]addresses.Route{
		loginhost.SignInPath: addresses.Get(addresses.Directed(h.SignIn)),
		"/login":             addresses.Get(addresses.Directed(h.Begin)),
		"/logout":            {http.MethodGet: addresses.Directed(h.Page), http.MethodPost: addresses.Directed(h.SignOut)},
	}
	if g.cfg.LoginHost.Page {
		all["/login"][http.MethodPost] = addresses.Directed(g.member.SignIn.Answer)
		all[exchange.DeepPath] = addresses.Get((*exchange.Exchange).Lengthen)
	}
	return all
}
