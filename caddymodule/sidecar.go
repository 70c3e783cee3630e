package caddymodule

import (
	"slices"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/keeper"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/sidecar"
)

// A post is where a gate of the handler stands. It is as if each application of
// forward_auth had a site with a handler of its own.
type post struct {
	application string
	hosts       []string
	*gates.Starter
}

// where returns the posts of the handler's gates, at which no gate can start yet.
func (h *Handler) where() (all []post) {
	if h.ForwardAuth == nil {
		return []post{{application: h.Application, hosts: h.toldHosts()}}
	}
	for _, site := range h.ForwardAuth.Sites {
		application := h.applicationOf(site)
		i := slices.IndexFunc(all, func(p post) bool { return p.application == application })
		if i < 0 {
			i, all = len(all), append(all, post{application: application})
		}
		all[i].hosts = append(all[i].hosts, site.Host)
	}
	return all
}

// applicationOf returns the application whose bindings decide about a site.
func (h *Handler) applicationOf(site ForwardSite) string {
	if site.Application != "" {
		return site.Application
	}
	return h.Application
}

// hosts returns the hosts of all sites.
func (f *ForwardAuth) hosts() (all []string) {
	for _, site := range f.Sites {
		all = append(all, site.Host)
	}
	return all
}

// takePosts makes what starts the gates.
func (h *Handler) takePosts() {
	h.posts = h.where()
	for i := range h.posts {
		h.posts[i].Starter = &gates.Starter{LetGo: func() error { return nil }}
		h.release = append(h.release, h.posts[i].Stop)
	}
}

// openSidecar makes what answers other proxies, if the handler does that.
func (h *Handler) openSidecar() (err error) {
	if h.ForwardAuth == nil {
		return nil
	}
	sites := h.ForwardAuth.sites()
	for i, site := range h.ForwardAuth.Sites {
		of := slices.IndexFunc(h.posts, func(p post) bool { return p.application == h.applicationOf(site) })
		sites[i].Gate = h.posts[of].Running
	}
	cfg := sidecar.Config{From: h.ForwardAuth.peers(), Sites: sites, Prefix: h.Prefix, Writer: keeper.New, Logger: h.log}
	if h.readsRequests() {
		cfg.Prepare = request.Prepare
	}
	h.sidecar, err = sidecar.New(cfg)
	return err
}

// readsRequests reports whether an option has matchers or placeholders, which read
// the request. For the others nothing is prepared, which is half of what a verdict
// allocates.
func (h *Handler) readsRequests() bool {
	return len(h.openness.Closed) > 0 || len(h.openness.Opened) > 0 || len(h.On) > 0 || h.SignOn != SignOn{} || h.Debug != "" ||
		slices.ContainsFunc(h.Headers.Own, Header.isText)
}

// describe adapts the configuration of gates whose requests other proxies describe.
func (h *Handler) describe(cfg proxy.Config) proxy.Config {
	if h.ForwardAuth != nil {
		cfg.Described, cfg.Resolve, cfg.Writer = true, sidecar.Resolve, nil
	}
	return cfg
}
