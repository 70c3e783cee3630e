// Package loginhost is the site where the visitors of all other sites sign in:
// authentik itself, behind a gate that guards nothing. There the gate sees
// authentik's cookies, and issues tickets that tell other gates who has signed
// in.
//
//   - handler.go: the options, and the addresses that other sites use
//   - signin.go: from a gate's request to a ticket
//   - stepup.go: the demands of gates on a sign-in
//   - signout.go: the end of authentik's session
//   - passing.go: the end or the replacement of that session by a request to
//     authentik itself
//
// The requests and tickets between a login host and its gates are in package
// authn/host.
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

// SignInPath is the path, below the prefix, to which browsers bring the sign-in
// requests of other sites.
const SignInPath = "/sign-in"

// Options configure a Handler.
type Options struct {
	*exchange.Shared
	Authentik authn.Authentik
	Store     store.Store
	// First returns the flow that signs a visitor in.
	First func(context.Context, flowclient.Visitor) (flowclient.Flow, error)
	// Own signs visitors in on pages of the gate. If it is nil, visitors sign
	// in on authentik's own pages.
	Own *signin.Handler
	// StepUp is the slug of the flow that signs visitors in with a second factor. It
	// may be empty.
	StepUp string
	// Base is authentik's sub-path, with a slash at its end.
	Base string
	// Go runs work that no request waits for, in the background of the gate.
	Go func(work func(context.Context)) bool
	// Origins are this site's origins in the configuration.
	Origins []string
}

// A Handler answers the addresses of a login host. It is safe for concurrent use.
type Handler struct {
	Options
}

// New returns a handler.
func New(o Options) *Handler { return &Handler{Options: o} }

// records returns the records of the login host under one of its names.
func (h *Handler) records(origin string) host.Records {
	return host.Records{Store: h.Store, Key: h.Key, Now: h.Now, Origin: origin, Base: h.Base}
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

// ask is the parameter that asks for the sign-in page, even if the browser
// seems to be signed in.
const ask = "ask"

// Begin answers GET login, to which the links of this gate's pages lead. It
// redirects to the gate's sign-in page, if there is one, and otherwise back to
// a visit, or to authentik.
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

// IsBack reports whether an address is the address of a visit here.
func (h *Handler) IsBack(to string) bool { return h.own(to) == to && to != "" }

// own returns the address of a visit here; for any other address it returns an
// empty text. It builds the address again, so that it cannot lead to another
// host.
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

// leads marks a redirect so that other sites do not get its Referer.
func leads(x *exchange.Exchange, to string) {
	x.W.Header().Set("Referrer-Policy", "no-referrer")
	x.Redirect(to)
}

// flowAt returns the address of one of authentik's flows. When the flow ends,
// it leads to another address of this host.
func (h *Handler) flowAt(flow flowclient.Flow, next string) string {
	return strings.TrimSuffix(h.Base, "/") + "/if/flow/" + flow.Slug + "/?next=" + url.QueryEscape(next)
}

// loads reports whether a request is a page load that fills a window.
func loads(x *exchange.Exchange) bool {
	return x.R.Method == http.MethodGet && intent.Navigates(x.R)
}
