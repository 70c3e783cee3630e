package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/operator"
)

func init() {
	caddy.RegisterModule(Admin{})
}

// Admin lists and ends sessions, and explains decisions, through Caddy's admin
// API. Caddy decides who may use the admin API. No site serves any of these
// addresses.
//
//	GET    /authentik/sessions?user=<name>       the live sessions of a user
//	GET    /authentik/sessions                   those that this process has in memory
//	DELETE /authentik/sessions?user=<name>       ends all sessions of a user
//	DELETE /authentik/sessions/<id>?user=<name>  ends one; without user, one that this process has in memory
//	POST   /authentik/explain                    what a gate decides about a request, and why
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.authentik", New: func() caddy.Module { return new(Admin) }}
}

// Routes returns the addresses.
func (Admin) Routes() []caddy.AdminRoute {
	sessions := caddy.AdminHandlerFunc(operator.ServeSessions)
	return []caddy.AdminRoute{
		{Pattern: operator.SessionsPath, Handler: sessions},
		{Pattern: operator.SessionsPath + "/", Handler: sessions},
		{Pattern: operator.ExplainPath, Handler: caddy.AdminHandlerFunc(operator.Explainer(gateOf).Serve)},
	}
}

// gateOf returns the gate of a handler, if it is one.
func gateOf(m caddyhttp.MiddlewareHandler) (operator.Gate, bool) {
	h, ok := m.(*Handler)
	if !ok {
		return operator.Gate{}, false
	}
	return operator.Gate{
		About: operator.About{
			Authentik: h.URL, Application: h.Application, Flow: h.Flow, ClientID: h.ClientID,
			Hosts: h.site.Hosts, Prefix: h.Prefix,
		},
		ForOthers: h.sidecar != nil,
		Running:   h.posts[0].Gate(),
	}, true
}

// Interface guard.
var _ caddy.AdminRouter = Admin{}
