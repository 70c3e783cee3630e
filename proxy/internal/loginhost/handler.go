// Package loginhost is the site where people sign in for all others: authentik
// itself, with a gate before it that guards nothing. It sees authentik's cookies
// there, and tells other gates by tickets who has signed in.
//
//   - handler.go: what the package needs, and the addresses of others
//   - signin.go: from a gate's request to a ticket
//   - stepup.go: what a gate demands of a sign-in
//   - signout.go: the end of authentik's session
//   - passing.go: its end, or a new one, on the way through to authentik
//
// What passes between a login host and its gates is in package authn/host.
package loginhost

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// SignInPath is where browsers bring requests to, below the prefix.
const SignInPath = "/sign-in"

// Options say what a handler needs.
type Options struct {
	*exchange.Shared
	Authentik authn.Authentik
	Store     store.Store
	// First returns the flow that signs a visitor in.
	First func(context.Context, flowclient.Visitor) (flowclient.Flow, error)
	// Own shows sign-ins on pages of the gate, if not on authentik's own. It may be
	// nil.
	Own *signin.Handler
	// StepUp is the slug of the flow that signs visitors in with a second factor. It
	// may be empty.
	StepUp string
	// Base is the path that authentik lies below, with a slash at its end.
	Base string
	// Go runs what no request waits for, in the background of the gate.
	Go func(work func(context.Context)) bool
	// Origins are those of this site as the configuration names them.
	Origins []string
}

// A Handler answers the addresses of a login host. It is safe for concurrent use.
type Handler struct {
	Options
}

// New returns a handler.
func New(o Options) *Handler { return &Handler{Options: o} }

// records are those of the login host by one of its names.
func (h *Handler) records(origin string) host.Records {
	return host.Records{Store: h.Store, Key: h.Key, Now: h.Now, Origin: origin}
}

// Announce makes the login host known to gates until ctx ends.
func (h *Handler) Announce(ctx context.Context) {
	for _, origin := range h.Origins {
		if err := h.records(origin).Announce(ctx, host.Announcement{SignIn: h.Prefix + SignInPath, StepUp: h.StepUp != ""}); err != nil && ctx.Err() == nil {
			h.Logger.WarnContext(ctx, "login host: cannot be made known to other sites", "error", err, "origin", origin)
		}
	}
}

// Stay keeps the login host known to its gates until the context ends.
func (h *Handler) Stay(backgroundCtx context.Context) { host.Stay(backgroundCtx, h.Announce, nil) }

// ask is the parameter of an address that asks for the sign-in page, although the
// browser seems to be signed in.
const ask = "ask"

// Begin answers GET login, where the links of this gate's pages lead: to the sign-in
// page if there is one, and otherwise back to a visit, or to authentik.
func (h *Handler) Begin(x *exchange.Exchange) {
	query := x.At.Asked.Query()
	if cookies, _ := x.Authentiks(); h.Own != nil && (query.Has(ask) || !cookies.Authenticated()) {
		h.Own.Begin(x)
		return
	}
	to := h.own(query.Get("to"))
	if to == "" {
		to = h.Base
	}
	x.Lead(to, to)
}

// IsBack reports whether an address is that of a visit here.
func (h *Handler) IsBack(to string) bool { return h.own(to) == to && to != "" }

// own returns an address if it is that of a visit here, and otherwise nothing. It
// writes the address anew, so that nothing in it leads to another host.
func (h *Handler) own(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Path != h.Prefix+SignInPath {
		return ""
	}
	return h.at(u.Query().Get("request"))
}

// at returns the address of a visit or request here.
func (h *Handler) at(request string) string {
	return h.Prefix + SignInPath + "?request=" + url.QueryEscape(request)
}

// leads has a redirect tell no other site where it came from.
func leads(x *exchange.Exchange, to string) {
	x.W.Header().Set("Referrer-Policy", "no-referrer")
	x.Redirect(to)
}

// flowAt returns the address of one of authentik's flows that leads to another one of
// this host in the end.
func (h *Handler) flowAt(flow flowclient.Flow, next string) string {
	return strings.TrimSuffix(h.Base, "/") + "/if/flow/" + flow.Slug + "/?next=" + url.QueryEscape(next)
}

// loads reports whether a request is a page load that fills a window.
func loads(x *exchange.Exchange) bool {
	return x.R.Method == http.MethodGet && intent.Navigates(x.R)
}
