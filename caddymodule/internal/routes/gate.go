package routes

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// handlerID is the module ID of a gate.
const handlerID = "http.handlers.authentik"

// A Gate is a gate that is being loaded.
type Gate struct {
	Site     Site
	Prefix   string // the prefix of its own addresses
	PageHost bool   // authentik is told the site's host, and its pages are on this host
	Headers  string // a pattern for the headers that the application trusts
	Tells    bool   // the application is told who the user is
	Log      *slog.Logger
}

// Warn warns of routes that lead past the gate, and of a gate that visitors do
// not reach.
func (g Gate) Warn(ctx caddy.Context) {
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		here := routesAt(g.Site.Hosts, server.Routes)
		around := levels(ctx, here)
		g.warnOfErrorRoutes(server)
		g.warnOfUnreachableAddresses(server, around)
		g.warnOfWaysPast(server, here, around)
		g.warnOfEarlierAnswer(around)
		g.warnOfEarlierUse(around)
		g.warnOfEarlierBody(server, around)
		g.warnOfOutpost(around)
	}
}

// routesAt returns the routes that may match one of the hosts, once for all warnings: a
// server may have many sites, and each of their gates looks at its routes.
func routesAt(hosts []string, all caddyhttp.RouteList) (some caddyhttp.RouteList) {
	for _, route := range all {
		if mayBeAt(route, hosts) {
			some = append(some, route)
		}
	}
	return some
}

// gateText is in the JSON of every gate.
const gateText = `"handler":"authentik"`

// mention reports whether handlers that are not loaded yet contain all texts.
func mention(handlers []json.RawMessage, texts ...string) bool {
	var compact bytes.Buffer
	for _, raw := range handlers {
		_ = json.Compact(&compact, raw) // writes nothing if raw is not JSON
	}
	return !slices.ContainsFunc(texts, func(text string) bool { return !bytes.Contains(compact.Bytes(), []byte(text)) })
}
