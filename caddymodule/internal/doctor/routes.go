package doctor

import (
	"encoding/json"
	"slices"
	"strings"
)

// A route is a route in Caddy's JSON.
type route struct {
	Match []struct {
		Host []string `json:"host"`
		Rest map[string]json.RawMessage
	} `json:"match"`
	Handle []json.RawMessage `json:"handle"`
}

// A walk goes through the routes of a server.
type walk struct {
	setup        *Setup
	server       string
	scheme, port string
}

// A passage is what a request has met on its way so far.
type passage struct {
	hosts   []string
	gate    bool // whether it has met a gate that guards it
	guarded bool // whether it has met a gate, another sign-in, or a handler that removes identity headers
}

// routes walks through routes, and returns the passage after them.
func (w *walk) routes(all []route, met passage) passage {
	for _, r := range all {
		inside := met
		hosts := r.hosts()
		if len(hosts) > 0 {
			inside.hosts = hosts
		}
		after := inside
		for _, raw := range r.Handle {
			after = w.handler(raw, after)
		}
		if len(hosts) > 0 {
			for _, name := range hosts {
				w.setup.Hosts = append(w.setup.Hosts, host{name, after.gate})
			}
		}
		if len(r.Match) == 0 { // every request takes this route
			met.gate, met.guarded = after.gate, after.guarded
		}
	}
	return met
}

// hosts returns the hosts of a route. If it is for all hosts, ok is false.
func (r route) hosts() (all []string) {
	for _, m := range r.Match {
		if len(m.Host) == 0 {
			return nil
		}
		all = append(all, m.Host...)
	}
	return all
}

// handler walks through one handler.
func (w *walk) handler(raw json.RawMessage, met passage) passage {
	var h struct {
		Handler   string  `json:"handler"`
		Routes    []route `json:"routes"`
		Upstreams []struct {
			Dial string `json:"dial"`
		} `json:"upstreams"`
		HandleResponse []json.RawMessage `json:"handle_response"`
		Request        struct {
			Delete []string `json:"delete"`
		} `json:"request"`
	}
	if json.Unmarshal(raw, &h) != nil {
		return met
	}
	switch h.Handler {
	case "authentik":
		// A login host guards nothing: its application is authentik.
		met.gate, met.guarded = !w.gate(raw, met), true
	case "subroute":
		return w.routes(h.Routes, met)
	case "authentication":
		met.guarded = true
	case "headers":
		if slices.ContainsFunc(h.Request.Delete, removesIdentity) {
			met.guarded = true
		}
	case "reverse_proxy":
		if len(h.HandleResponse) > 0 { // forward_auth is another sign-in
			met.guarded = true
			return met
		}
		for _, u := range h.Upstreams {
			w.setup.Upstreams = append(w.setup.Upstreams, upstream{
				normal(u.Dial), w.site(met.hosts), met.guarded, met.gate,
			})
		}
	}
	return met
}

// removesIdentity reports whether a pattern of headers to delete is one that
// matches identity headers.
func removesIdentity(pattern string) bool {
	pattern = strings.ToLower(pattern)
	return strings.HasPrefix(pattern, "remote-") || strings.HasPrefix(pattern, "x-authentik-")
}

// gate notes a gate, and reports whether it is a login host.
func (w *walk) gate(raw json.RawMessage, met passage) (loginHost bool) {
	g := Gate{Raw: raw, Hosts: met.hosts, Server: w.server}
	if json.Unmarshal(raw, &g.options) != nil {
		return false
	}
	g.options = g.expanded()
	if g.ForwardAuth != nil {
		w.described(g)
		return false
	}
	g.Origin = w.origin(g.options, met.hosts)
	w.setup.Gates = append(w.setup.Gates, g)
	return g.isLoginHost()
}

// described notes a gate for each site that other proxies serve. Browsers
// usually reach these sites over HTTPS.
func (w *walk) described(g Gate) {
	for _, site := range g.ForwardAuth.Sites {
		var raw map[string]any
		if json.Unmarshal(g.Raw, &raw) != nil {
			continue
		}
		one := g
		one.ForwardAuth, one.Hosts = nil, []string{expand(site.Host)}
		delete(raw, "forward_auth")
		if site.Application != "" {
			one.Application = expand(site.Application)
			raw["application"] = one.Application
		}
		if one.Raw, _ = json.Marshal(raw); !strings.ContainsAny(one.Hosts[0], "*{") {
			one.Origin = "https://" + one.Hosts[0]
		}
		w.setup.Gates = append(w.setup.Gates, one)
	}
}

func (w *walk) site(hosts []string) string {
	if len(hosts) == 0 {
		return w.scheme + "://:" + w.port
	}
	return hosts[0]
}

// normal returns the address of an application in its normal form.
func normal(dial string) string {
	dial = strings.ToLower(strings.TrimPrefix(dial, "tcp/"))
	for _, name := range []string{"localhost:", "[::1]:", "127.0.0.1:"} {
		if port, found := strings.CutPrefix(dial, name); found {
			return "localhost:" + port
		}
	}
	return dial
}
