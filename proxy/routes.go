package proxy

import (
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
		"/login":            {Get: addresses.Directed(exchange.Spanned("sign-in begin", g.member.SignIn.Begin)), Post: addresses.Directed(exchange.Spanned("sign-in answer", g.member.SignIn.Answer))},
		"/logout":           {Get: g.member.SignOut.Page, Post: exchange.Spanned("sign-out", g.member.SignOut.SignOut)},
		exchange.FramedPath: {Get: g.member.SignIn.Unframe},
		exchange.LatePath:   {Get: g.lateForms.Arrived, Post: g.lateForms.Continue},
		exchange.DeepPath:   {Get: (*exchange.Exchange).Lengthen},
		"/session":          {Get: g.member.SignOut.Session},
	}
	if g.cfg.OIDC.used() {
		all["/callback"] = addresses.Route{Get: addresses.Directed(exchange.Spanned("sign-in callback", g.member.SignIn.Callback))}
		all["/backchannel-logout"] = addresses.Route{Post: exchange.Spanned("sign-out notice", g.member.SignOut.BackChannel)}
		all["/frontchannel-logout"] = addresses.Route{Get: g.member.SignOut.FrontChannel}
	}
	if g.member.SignIn.Host != nil {
		all["/callback"] = addresses.Route{Get: g.member.SignIn.Arrive}
	}
	if g.member.Assertions != nil {
		all["/jwks"] = addresses.Route{Get: g.member.PublishKeys}
	}
	return all
}

// routesOfLoginHost are the addresses of a login host, which guards nothing.
func (g *Gate) routesOfLoginHost() map[string]addresses.Route {
	h := g.loginHost
	login := addresses.Route{Get: addresses.Directed(h.Begin)}
	if g.cfg.LoginHost.Page {
		login.Post = addresses.Directed(g.member.SignIn.Answer)
	}
	all := map[string]addresses.Route{
		loginhost.SignInPath: {Get: addresses.Directed(h.SignIn)},
		"/login":             login,
		"/logout":            {Get: addresses.Directed(h.Page), Post: addresses.Directed(h.SignOut)},
	}
	if g.cfg.LoginHost.Page {
		all[exchange.DeepPath] = addresses.Route{Get: (*exchange.Exchange).Lengthen}
	}
	return all
}
