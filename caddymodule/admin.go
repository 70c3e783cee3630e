package caddymodule

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/operator"
	"github.com/flowsidecar/caddy-authentik/proxy"
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

// gateOf returns the gate of a handler, if the handler is a gate.
func gateOf(m caddyhttp.MiddlewareHandler) (operator.Gate, bool) {
	h, ok := m.(*Handler)
	if !ok {
		return operator.Gate{}, false
	}
	gate := operator.Gate{About: h.about(h.Application, h.site.Hosts)}
	if !slices.ContainsFunc(h.posts, func(p post) bool { return p.Gate() == nil }) {
		gate.Explain = h.explain
	}
	return gate, true
}

// about returns what the configuration says about the gate of an application.
func (h *Handler) about(application string, hosts []string) operator.About {
	return operator.About{
		Authentik: h.URL, Application: application, Flow: h.Flow, ClientID: h.ClientID, Hosts: hosts, Prefix: h.Prefix,
	}
}

// explain explains what the handler decides about a request. With forward_auth,
// the request is the one that the other proxy describes in it. The handler's
// gates have started.
func (h *Handler) explain(r *http.Request) (operator.About, proxy.Explanation) {
	about := h.about(h.Application, h.site.Hosts)
	if h.sidecar == nil {
		return about, h.posts[0].Gate().Explain(r)
	}
	e, by := h.sidecar.Explain(r)
	for _, p := range h.posts {
		if by != nil && p.Gate() == by {
			about = h.about(p.application, p.hosts)
		}
	}
	return about, e
}

// Interface guard.
var _ caddy.AdminRouter = Admin{}
