package routes

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// handlerID is the id of the handler that is a gate.
const handlerID = "http.handlers.authentik"

// A Gate is a gate that is being loaded.
type Gate struct {
	Site     Site
	Prefix   string // of its own addresses
	PageHost bool   // authentik is told the site's host, and its pages are here
	Headers  string // a pattern for the headers that the application trusts
	Log      *slog.Logger
}

// Warn warns of routes that lead past the gate, and of a gate that visitors do not
// get to.
func (g Gate) Warn(ctx caddy.Context) {
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		around := levels(ctx, server)
		g.warnOfErrorRoutes(server)
		g.warnOfUnreachableAddresses(ctx, server, around)
		g.warnOfEarlierAnswer(around)
		g.warnOfOutpost(around)
	}
}

// warnOfErrorRoutes warns of routes for errors that lead to an application
// without the gate. An error that is raised before the gate, for example by the
// directive error, gets there with the identity headers of the client.
func (g Gate) warnOfErrorRoutes(server *caddyhttp.Server) {
	if server.Errors == nil {
		return
	}
	for _, route := range server.Errors.Routes {
		if g.sameSite(route) && g.leadsToApplication(route) {
			g.Log.Warn("handle_errors: its reverse_proxy passes on identity headers that clients make up; write there before it: request_header -"+g.Headers,
				"site", strings.Join(g.Site.Hosts, " "))
			return
		}
	}
}

// sameSite reports whether a route that is not loaded yet may match a host of
// the site.
func (g Gate) sameSite(route caddyhttp.Route) bool {
	if len(route.MatcherSetsRaw) == 0 || len(g.Site.Hosts) == 0 {
		return true
	}
	for _, set := range route.MatcherSetsRaw {
		var hosts []string
		if json.Unmarshal(set["host"], &hosts) != nil {
			return true
		}
		if slices.ContainsFunc(hosts, func(host string) bool { return slices.Contains(g.Site.Hosts, host) }) {
			return true
		}
	}
	return false
}

// leadsToApplication reports whether a route that is not loaded yet has a
// reverse proxy, and neither a gate nor something that removes the headers.
func (g Gate) leadsToApplication(route caddyhttp.Route) bool {
	return mention(route.HandlersRaw, `"handler":"reverse_proxy"`) && !mention(route.HandlersRaw, gateText) && !mention(route.HandlersRaw, `"`+g.Headers+`"`)
}

// gateText is in the JSON of every gate.
const gateText = `"handler":"authentik"`

// mention reports whether all texts are in handlers that are not loaded yet.
func mention(handlers []json.RawMessage, texts ...string) bool {
	var compact bytes.Buffer
	for _, raw := range handlers {
		_ = json.Compact(&compact, raw) // which writes nothing of what is not JSON
	}
	return !slices.ContainsFunc(texts, func(text string) bool { return !bytes.Contains(compact.Bytes(), []byte(text)) })
}
