package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// A Setup is the part of a configuration that checks read.
type Setup struct {
	Gates     []Gate
	all       []Gate // including gates that are not examined
	Upstreams []upstream
	Hosts     []host
	Servers   []server
	Storage   json.RawMessage
}

// A Gate is one handler of the configuration.
type Gate struct {
	options
	Raw    json.RawMessage
	Hosts  []string // empty: every host
	Server string
	// Origin is the site's origin as browsers see it.
	Origin string
}

// options are those options of a gate that checks read.
type options struct {
	URL          string          `json:"url"`
	PublicURL    string          `json:"public_url"`
	Site         string          `json:"site"`
	Trust        []string        `json:"trust"`
	Pin          string          `json:"pin"`
	TLSName      string          `json:"tls_name"`
	Flow         string          `json:"flow"`
	Application  string          `json:"application"`
	ClientID     string          `json:"client_id"`
	ClientSecret string          `json:"client_secret"`
	Scopes       []string        `json:"scopes"`
	SignOutBack  bool            `json:"sign_out_back"`
	Login        string          `json:"login"`
	LoginAt      string          `json:"login_at"`
	LoginHost    json.RawMessage `json:"login_host"`
	Key          string          `json:"key"`
	Prefix       string          `json:"prefix"`
	Sessions     json.RawMessage `json:"sessions"`
	ForwardAuth  *struct {
		Sites []struct {
			Host        string `json:"host"`
			Application string `json:"application"`
		} `json:"site"`
	} `json:"forward_auth"`
	Cookie struct {
		Domain string `json:"domain"`
		Name   string `json:"name"`
	} `json:"cookie"`
}

// An upstream is the target of a reverse_proxy.
type upstream struct {
	dial    string
	site    string
	guarded bool // by a gate, by another sign-in, or by deleting identity headers
	byGate  bool
}

// A host is a host that a route names.
type host struct {
	name    string
	guarded bool
}

// A server is one server of Caddy.
type server struct {
	name      string
	listen    []string
	encrypted bool     // whether it has TLS
	trusted   []string // ranges of trusted proxies
	proxied   bool     // whether trusted_proxies is set
	wrapper   *proxyProtocol
}

// config is Caddy's configuration in JSON.
type config struct {
	Storage json.RawMessage `json:"storage"`
	Apps    struct {
		HTTP struct {
			HTTPPort  int `json:"http_port"`
			HTTPSPort int `json:"https_port"`
			Servers   map[string]struct {
				Listen   []string        `json:"listen"`
				Routes   []route         `json:"routes"`
				Wrappers []proxyProtocol `json:"listener_wrappers"`
				TLS      []any           `json:"tls_connection_policies"`
				Auto     autoHTTPS       `json:"automatic_https"`
				Trusted  *struct {
					Source string   `json:"source"`
					Ranges []string `json:"ranges"`
				} `json:"trusted_proxies"`
			} `json:"servers"`
		} `json:"http"`
	} `json:"apps"`
}

// autoHTTPS are the settings of a server for automatic HTTPS.
type autoHTTPS struct {
	Disable bool     `json:"disable"`
	Skip    []string `json:"skip"`
}

// encrypts reports whether Caddy turns TLS on at a port that is not the one for
// HTTP, for the hosts of some routes.
func (a autoHTTPS) encrypts(all []route) bool {
	return !a.Disable && slices.ContainsFunc(all, func(r route) bool {
		return slices.ContainsFunc(r.hosts(), func(name string) bool { return !slices.Contains(a.Skip, name) })
	})
}

// Read reads a configuration. It does not provision it, so that a configuration
// that Caddy refuses can be examined too.
func Read(text []byte) (*Setup, error) {
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	s := &Setup{Storage: c.Storage}
	for _, name := range slices.Sorted(maps.Keys(c.Apps.HTTP.Servers)) {
		one := c.Apps.HTTP.Servers[name]
		at := server{name: name, listen: one.Listen, wrapper: wrapper(one.Wrappers)}
		if one.Trusted != nil {
			at.proxied, at.trusted = true, one.Trusted.Ranges
		}
		w := walk{setup: s, server: name, scheme: "http"}
		plain, secure := strconv.Itoa(cmp.Or(c.Apps.HTTP.HTTPPort, 80)), strconv.Itoa(cmp.Or(c.Apps.HTTP.HTTPSPort, 443))
		for _, listen := range one.Listen {
			if _, port, err := net.SplitHostPort(strings.TrimPrefix(listen, "tcp/")); err == nil {
				w.port = port
			}
		}
		if len(one.TLS) > 0 || w.port == "443" || w.port != plain && one.Auto.encrypts(one.Routes) {
			w.scheme, at.encrypted = "https", true
		}
		if w.port == secure && at.encrypted { // Caddy expects that browsers reach it at the port of the scheme
			w.port = "443"
		}
		s.Servers = append(s.Servers, at)
		w.routes(one.Routes, passage{})
	}
	s.all = slices.Clone(s.Gates)
	return s, nil
}

// wrapper returns the wrapper for the PROXY protocol among those of a listener.
// Without the wrapper "tls" in the list, all wrappers come after TLS.
func wrapper(all []proxyProtocol) *proxyProtocol {
	isTLS := func(w proxyProtocol) bool { return w.Wrapper == "tls" }
	for i, w := range all {
		if w.Wrapper == "proxy_protocol" {
			w.late = !slices.ContainsFunc(all[i:], isTLS)
			return &w
		}
	}
	return nil
}

// origin returns the address of a gate's site: the option site, or the first
// host with the server's scheme and port. If a site without hosts does not
// depend on its name, it is localhost. If the address is not known, it is
// empty.
func (w *walk) origin(o options, hosts []string) string {
	if u, err := url.Parse(expand(o.Site)); o.Site != "" && err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	i := slices.IndexFunc(hosts, func(h string) bool { return !strings.ContainsAny(h, "*{") })
	name := "localhost"
	switch {
	case i >= 0:
		name = hosts[i]
	case len(hosts) > 0, o.ClientID != "": // a guess would not match the provider
		return ""
	}
	if w.port == "" || w.scheme == "https" && w.port == "443" || w.scheme == "http" && w.port == "80" {
		return w.scheme + "://" + name
	}
	return w.scheme + "://" + net.JoinHostPort(name, w.port)
}

// expand replaces placeholders that are the same for every request.
func expand(text string) string {
	return caddy.NewReplacer().ReplaceKnown(text, "")
}

// expanded returns the options with placeholders replaced.
func (o options) expanded() options {
	for _, text := range []*string{&o.URL, &o.PublicURL, &o.Site, &o.Flow, &o.Application, &o.ClientID, &o.Prefix, &o.Cookie.Domain} {
		*text = expand(*text)
	}
	return o
}

// isLoginHost reports whether visitors of other sites sign in here.
func (o options) isLoginHost() bool {
	switch string(o.LoginHost) {
	case "", "null", "false", `""`:
		return false
	}
	return true
}

// public returns the public address that the gate tells authentik.
func (g Gate) public() string {
	if g.PublicURL != "" {
		return g.PublicURL
	}
	return g.URL
}

// prefix is the path of the gate's own addresses.
func (g Gate) prefix() string {
	if g.Prefix == "" {
		return "/.authentik"
	}
	return strings.TrimSuffix(g.Prefix, "/")
}

// label returns the name of a gate's site.
func (g Gate) label() string {
	if u, err := url.Parse(g.Origin); g.Origin != "" && err == nil {
		return u.Host
	}
	if len(g.Hosts) > 0 {
		return strings.Join(g.Hosts, " ")
	}
	return g.Server
}
