package caddymodule

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/keeper"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
	"github.com/flowsidecar/caddy-authentik/proxy/sidecar"
)

// ForwardAuth makes the gate decide for sites that other proxies serve. It
// answers these proxies at `/.authentik/forward`, and guards no application of
// this Caddy.
type ForwardAuth struct {
	// The proxies that may ask. Required.
	From []ForwardPeer `json:"from,omitempty"`

	// The sites that they may ask about. Required.
	Sites []ForwardSite `json:"site,omitempty"`
}

// ForwardPeer is a proxy that may ask, or several in one network.
type ForwardPeer struct {
	// The address from which the proxy connects, or a network such as
	// `10.0.0.0/24`. The handler trusts what any program at this address says
	// about a request.
	Network string `json:"network"`

	// The kind of proxy: `nginx`, `traefik`, `haproxy`, `envoy` or `caddy`.
	Dialect string `json:"dialect"`
}

// ForwardSite is a site that another proxy serves.
type ForwardSite struct {
	// The host, for example `wiki.example.com`, or a pattern such as
	// `*.example.com`. A name takes precedence over a pattern.
	Host string `json:"host"`

	// The slug of the application in authentik whose bindings decide who may pass
	// there. Default: `application` of the handler.
	Application string `json:"application,omitempty"`
}

// forwardAuth reads the block.
func (p *parser) forwardAuth(d *caddyfile.Dispenser) {
	p.handler.ForwardAuth = new(ForwardAuth)
	p.Block(d, "forward_auth", func(d *caddyfile.Dispenser) {
		switch word := d.Val(); word {
		case "from":
			p.forwardFrom(d)
		case "site":
			p.forwardSite(d)
		default:
			p.Wrong(d, "unrecognized option forward_auth %s%s; write from or site", word, rules.Suggest(word, []string{"from", "site"}))
		}
	})
}

func (p *parser) forwardFrom(d *caddyfile.Dispenser) {
	args := d.RemainingArgs()
	p.NoBlock(d, "forward_auth from")
	if len(args) != 2 {
		p.Wrong(d, "forward_auth from has %d values and takes two; write the address and the kind of the proxy: from 10.0.0.2 nginx", len(args))
		return
	}
	peer := ForwardPeer{args[0], args[1]}
	p.handler.ForwardAuth.From = append(p.handler.ForwardAuth.From, peer)
	if _, err := sidecar.ParsePeer(peer.Network, peer.Dialect); err != nil && !options.HasPlaceholder(peer.Network) && !options.HasPlaceholder(peer.Dialect) {
		p.Wrong(d, "forward_auth from: %v", err)
	}
}

func (p *parser) forwardSite(d *caddyfile.Dispenser) {
	hosts, application := d.RemainingArgs(), ""
	p.NoBlock(d, "forward_auth site")
	if i := slices.Index(hosts, "application"); i >= 0 {
		if len(hosts) != i+2 {
			p.Wrong(d, "forward_auth site: write one slug after application, at the end: site wiki.example.com application wiki")
			return
		}
		hosts, application = hosts[:i], hosts[i+1]
		if err := rules.Slug(application); err != nil && !options.HasPlaceholder(application) {
			p.Wrong(d, "forward_auth site: application: %v", err)
		}
	}
	if len(hosts) == 0 {
		p.Wrong(d, "forward_auth site names no host; write site wiki.example.com")
	}
	for _, host := range hosts {
		p.handler.ForwardAuth.Sites = append(p.handler.ForwardAuth.Sites, ForwardSite{host, application})
		if err := rules.SiteHost(host); err != nil && !options.HasPlaceholder(host) {
			p.Wrong(d, "forward_auth site: %v", err)
		}
	}
}

// expandForwardAuth replaces the placeholders, and checks the values.
func (h *Handler) expandForwardAuth() (wrong options.Mistakes) {
	if h.ForwardAuth == nil {
		return nil
	}
	for i := range h.ForwardAuth.From {
		peer := &h.ForwardAuth.From[i]
		err := errors.Join(options.Expand(&peer.Network), options.Expand(&peer.Dialect))
		if err == nil {
			_, err = sidecar.ParsePeer(peer.Network, peer.Dialect)
		}
		wrong = wrong.And(options.In("forward_auth from", err))
	}
	for i := range h.ForwardAuth.Sites {
		site := &h.ForwardAuth.Sites[i]
		err := options.Expand(&site.Host)
		if err == nil {
			err = rules.SiteHost(site.Host)
		}
		if err == nil && site.Application != "" {
			if err = options.Expand(&site.Application); err == nil {
				err = options.In("application", rules.Slug(site.Application))
			}
		}
		wrong = wrong.And(options.In("forward_auth site", err))
	}
	return wrong
}

// checkForwardAuth returns the mistakes in the block as a whole. It also
// refuses options that need the bodies of requests or the application's
// responses, which only the other proxy sees.
func (h *Handler) checkForwardAuth(openID bool) (all []rules.Conflict) {
	if h.ForwardAuth == nil {
		return nil
	}
	wrong := func(option, format string, args ...any) {
		all = append(all, rules.Conflict{Option: option, Err: fmt.Errorf(format, args...)})
	}
	for _, err := range h.ForwardAuth.check() {
		wrong("forward_auth", "forward_auth: %w", err)
	}
	if openID && slices.ContainsFunc(h.ForwardAuth.Sites, func(s ForwardSite) bool { return s.Application != "" }) {
		wrong("forward_auth", "forward_auth site: with client_id the provider of one application decides; write application beside client_id, and one directive for each client")
	}
	for _, o := range []struct {
		option, text, why string
		given             bool
	}{
		{"site", "site", "the sites are in the block, and the other proxy says which one a request is for", h.Site != ""},
		{"login", "login relay", "authentik's own interface needs all paths of the site; write login page", h.Login == string(proxy.LoginRelay)},
		{"cache", "cache private", "the other proxy has the application's responses; leave it out, and set Cache-Control there", h.Cache == string(proxy.CachePrivate)},
		{"sign_on form", "sign_on form", "the other proxy has the application's login page; leave it out", h.SignOn.Form != nil},
		{"sign_out", "sign_out", "the other proxy has the application's responses; leave it out, and link to /.authentik/logout", len(h.SignOut) > 0},
		{"late_forms", "late_forms", "the other proxy has the bodies of requests; leave it out", len(h.LateForms) > 0},
		{"preflight", "preflight", "the other proxy has the bodies of requests, and a preflight must have none; answer preflights there", h.Preflight},
		{"headers", "assertion", "an assertion comes from one site; write another claim", slices.ContainsFunc(h.Headers.Own, Header.needsAssertion)},
	} {
		if o.given {
			wrong(o.option, "%s cannot be used with forward_auth: %s", o.text, o.why)
		}
	}
	return all
}

// check returns the mistakes in the lists as a whole.
func (f *ForwardAuth) check() []error {
	return slices.DeleteFunc(sidecar.Config{From: f.peers(), Sites: f.sites()}.Check(), func(err error) bool {
		return errors.Is(err, sidecar.ErrNoPeer) && len(f.From) > 0 || errors.Is(err, sidecar.ErrNoSite) && len(f.Sites) > 0
	})
}

// peers returns the peers, without those that cannot be read.
func (f *ForwardAuth) peers() (all []sidecar.Peer) {
	for _, from := range f.From {
		if peer, err := sidecar.ParsePeer(from.Network, from.Dialect); err == nil {
			all = append(all, peer)
		}
	}
	return all
}

// sites returns the sites without their gates, and without those whose host cannot
// be read.
func (f *ForwardAuth) sites() (all []sidecar.Site) {
	for _, site := range f.Sites {
		if rules.SiteHost(site.Host) == nil {
			all = append(all, sidecar.Site{Host: site.Host})
		}
	}
	return all
}

// A post is the place of one gate of the handler. Each application of
// forward_auth has a gate, as if it had a site with its own handler.
type post struct {
	application string
	hosts       []string
	*gates.Starter
}

// where returns the places of the handler's gates. No gate can start there yet.
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

// takePosts prepares the starters of the gates.
func (h *Handler) takePosts() {
	h.posts = h.where()
	for i := range h.posts {
		h.posts[i].Starter = &gates.Starter{LetGo: func() error { return nil }}
		h.release = append(h.release, h.posts[i].Stop)
	}
}

// openSidecar makes the sidecar, which answers other proxies, if forward_auth
// is configured.
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

// readsRequests reports whether an option has matchers or placeholders, which
// read the request. Without such options nothing is prepared, which saves half
// of the allocations for a verdict.
func (h *Handler) readsRequests() bool {
	return len(h.openness.Closed) > 0 || len(h.openness.Opened) > 0 || len(h.On) > 0 || h.SignOn != SignOn{} || h.Debug != "" ||
		slices.ContainsFunc(h.Headers.Own, Header.isText)
}

// describe changes the configuration of a gate whose requests another proxy
// describes.
func (h *Handler) describe(cfg proxy.Config) proxy.Config {
	if h.ForwardAuth != nil {
		cfg.Described, cfg.Resolve, cfg.Writer = true, sidecar.Resolve, nil
	}
	return cfg
}
