package routes

import (
	"cmp"
	"encoding/json"
	"iter"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// warnOfEarlierAnswer warns of a gate that gets no requests, since an earlier
// handler answers all of them: for example a reverse_proxy that is written
// first in a route block.
func (g Gate) warnOfEarlierAnswer(around []level) {
	for _, l := range around {
		for raw := range l.earlierHandlers(matchesAll) {
			if name := answers(raw); name != "" {
				g.Log.Warn("route: "+name+" answers every request before it comes to this gate, which guards nothing; write authentik before "+name,
					"site", strings.Join(g.Site.Hosts, " "))
				return
			}
		}
	}
}

// warnOfEarlierUse warns of a handler before the gate that uses what the gate says about
// the user. It finds nothing: with `root /srv/{http.auth.user.id}`, which Caddy puts
// before the gate, every user gets the files of all.
func (g Gate) warnOfEarlierUse(around []level) {
	for _, l := range around {
		for raw := range l.earlierHandlers(func(caddyhttp.Route) bool { return true }) {
			name, uses := usesUser(raw)
			switch {
			case name == "authentik", name == "authentication": // which know a user
				return
			case uses:
				g.Log.Warn("route: "+name+" is run before this gate, where {http.auth.user.…} is empty; write both in a route block, authentik first",
					"site", strings.Join(g.Site.Hosts, " "))
				return
			}
		}
	}
}

// formSize is what a form of the sign-in may need, in bytes: 64KB as Caddy reads it. Most
// have 2 KB; answers to captchas, of security keys and of prompts are larger.
const formSize = 64_000

// warnOfEarlierBody warns of a request_body before the gate that limits or replaces the
// forms of the sign-in. The gate is not asked about a form that is too large: Caddy
// answers with status 413 and an empty page.
func (g Gate) warnOfEarlierBody(server *caddyhttp.Server, around []level) {
	prefix := strings.TrimSuffix(cmp.Or(g.Prefix, "/.authentik"), "/")
	in, path := within{server: server, hosts: g.Site.Hosts, method: http.MethodPost}, prefix+"/login"
	for _, l := range around {
		for raw := range l.earlierHandlers(func(r caddyhttp.Route) bool { return matchesAll(r) || in.mustMatch(r, path) }) {
			var h struct {
				Handler string `json:"handler"`
				MaxSize int64  `json:"max_size"`
				Set     string `json:"set"`
			}
			switch {
			case json.Unmarshal(raw, &h) != nil:
			case h.Handler == "authentik": // answers its own addresses
				return
			case h.Handler != "request_body":
			case h.Set != "":
				g.Log.Warn("route: request_body replaces the forms of the sign-in, and no visitor can sign in; give it a matcher without them: not path "+prefix+"/*",
					"site", strings.Join(g.Site.Hosts, " "))
				return
			case h.MaxSize > 0 && h.MaxSize < formSize:
				g.Log.Warn("route: request_body allows less than a form of the sign-in can have, and visitors get an empty page with status 413; "+
					"write a max_size of 64KB or more, or give it a matcher without these forms: not path "+prefix+"/*",
					"site", strings.Join(g.Site.Hosts, " "), "max_size", h.MaxSize)
				return
			}
		}
		path = strippedBy(l.routes[:l.at], path)
	}
}

// earlierHandlers yields the handlers before the gate at a level, in routes that are
// taken, without subroutes around them.
func (l level) earlierHandlers(taken func(caddyhttp.Route) bool) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for _, route := range l.routes[:l.at] {
			if !yieldHandlers(route, taken, yield) {
				return
			}
		}
		for i, raw := range l.route().HandlersRaw {
			if mention(l.route().HandlersRaw[i:i+1], gateText) || !yield(raw) {
				return
			}
		}
	}
}

// yieldHandlers yields the handlers of a loaded route if it is taken, and reports whether
// more are wanted.
func yieldHandlers(route caddyhttp.Route, taken func(caddyhttp.Route) bool, yield func(json.RawMessage) bool) bool {
	if !taken(route) {
		return true
	}
	for _, m := range route.Handlers {
		if below, ok := m.(*caddyhttp.Subroute); ok {
			for _, inner := range below.Routes {
				if !yieldHandlers(inner, taken, yield) {
					return false
				}
			}
		} else if raw := rawOf(m); raw != nil && !yield(raw) {
			return false
		}
	}
	return true
}

// rawOf returns the JSON of a loaded handler.
func rawOf(m caddyhttp.MiddlewareHandler) json.RawMessage {
	module, ok := m.(caddy.Module)
	if !ok {
		return nil
	}
	return caddyconfig.JSONModuleObject(m, "handler", module.CaddyModule().ID.Name(), nil)
}

// usesUser returns the name of a handler's directive, and whether it uses a placeholder
// of the user as soon as it is run. The directives map, log_append and a deferred header
// use them later.
func usesUser(raw json.RawMessage) (name string, uses bool) {
	var h struct {
		Handler  string `json:"handler"`
		Root     string `json:"root"`
		Response struct {
			Deferred bool `json:"deferred"`
		} `json:"response"`
	}
	if json.Unmarshal(raw, &h) != nil {
		return "", false
	}
	switch name = h.Handler; {
	case name == "vars" && h.Root != "":
		name = "root"
	case name == "headers" && !h.Response.Deferred:
		name = "header"
	case name != "vars" && name != "rewrite":
		return name, false
	}
	return name, mention([]json.RawMessage{raw}, "{http.auth.user.")
}

// warnOfOutpost warns of a forward_auth to authentik's outpost that is still in
// the gate's route. It comes after the gate, and the application gets its
// headers.
func (g Gate) warnOfOutpost(around []level) {
	if len(around) == 0 {
		return
	}
	for _, raw := range around[len(around)-1].route().HandlersRaw { // the routes around this one may have others, for other paths
		var h struct {
			Handler string `json:"handler"`
			Rewrite struct {
				URI string `json:"uri"`
			} `json:"rewrite"`
		}
		if json.Unmarshal(raw, &h) == nil && h.Handler == "reverse_proxy" && strings.HasPrefix(h.Rewrite.URI, "/outpost.goauthentik.io/auth/") {
			g.Log.Warn("route: forward_auth asks authentik's outpost after this gate, and visitors sign in twice; leave forward_auth out",
				"site", strings.Join(g.Site.Hosts, " "))
		}
	}
}

// matchesAll reports whether a route has no matchers.
func matchesAll(r caddyhttp.Route) bool { return len(r.MatcherSets) == 0 }

// answering reports whether one of the handlers of a loaded route answers every
// request that comes to it.
func answering(r caddyhttp.Route) (found bool) {
	yieldHandlers(caddyhttp.Route{Handlers: r.Handlers}, matchesAll, func(raw json.RawMessage) bool {
		found = answers(raw) != ""
		return !found
	})
	return found
}

// answers returns the name of a handler that answers every request, or an empty
// text.
func answers(raw json.RawMessage) string {
	var h struct {
		Handler        string          `json:"handler"`
		HandleResponse json.RawMessage `json:"handle_response"` // it may call the next handler, as in forward_auth
		PassThru       bool            `json:"pass_thru"`
		Routes         []struct {
			Match  []json.RawMessage `json:"match"`
			Handle []json.RawMessage `json:"handle"`
		} `json:"routes"`
	}
	if json.Unmarshal(raw, &h) != nil {
		return ""
	}
	switch {
	case h.Handler == "reverse_proxy" && h.HandleResponse == nil, h.Handler == "file_server" && !h.PassThru:
		return h.Handler
	case h.Handler == "static_response":
		return "respond"
	case h.Handler == "error":
		return "error"
	}
	for _, route := range h.Routes {
		if len(route.Match) > 0 {
			continue
		}
		for _, inner := range route.Handle {
			if name := answers(inner); name != "" {
				return name
			}
		}
	}
	return ""
}
