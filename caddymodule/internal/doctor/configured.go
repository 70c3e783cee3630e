package doctor

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// configured checks the configuration as a whole.
func (s *Setup) configured() (all []Finding) {
	all = append(all, s.neighbours()...)
	all = append(all, s.differing()...)
	all = append(all, s.clients()...)
	for _, one := range s.Servers {
		all = append(all, one.trusts()...)
		all = append(all, one.wrapped()...)
	}
	if len(all) == 0 {
		all = append(all, fine("configuration", fmt.Sprintf("%d with the gate, and no way around it", len(s.Gates))))
	}
	return all
}

// neighbours finds routes to a guarded application that no gate guards. On such
// a route a client can send identity headers, which the application trusts.
func (s *Setup) neighbours() (all []Finding) {
	said := map[string]bool{}
	for _, open := range s.Upstreams {
		guarded := slices.IndexFunc(s.Upstreams, func(u upstream) bool { return u.byGate && u.dial == open.dial })
		if open.guarded || guarded < 0 || said[open.site+open.dial] {
			continue
		}
		said[open.site+open.dial] = true
		f := found("neighbour-unguarded",
			fmt.Sprintf("%s leads to the application at %s without the gate, which guards it at %s: there any client can send Remote-User",
				open.site, open.dial, s.Upstreams[guarded].site),
			"write the directive before that reverse_proxy too; if it has to be open, write request_header -Remote-* before it (or the headers that the application reads)")
		f.Site = open.site
		all = append(all, f)
	}
	return all
}

// differing finds gates of one host at which visitors would have to sign in
// separately.
func (s *Setup) differing() (all []Finding) {
	for i, a := range s.Gates {
		for _, b := range s.Gates[i+1:] {
			overlap := len(a.Hosts) == 0 && len(b.Hosts) == 0 && a.Server == b.Server || rules.HostsOverlap(a.Hosts, b.Hosts)
			if !overlap || a.Server != b.Server && a.Cookie.Name != b.Cookie.Name { // one host, two ports
				continue
			}
			for option, differs := range map[string]bool{
				"url": a.URL != b.URL, "sessions": !bytes.Equal(a.Sessions, b.Sessions), "key": a.Key != b.Key,
				"cookie": a.Cookie != b.Cookie,
			} {
				if differs {
					f := found("gates-differ", fmt.Sprintf("two gates before %s have different options %q: each of them does not accept sessions of the other", a.label(), option),
						"give both the same, for example with a snippet that each imports")
					f.Site = a.label()
					all = append(all, f)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Finding) int { return strings.Compare(a.Seen, b.Seen) })
	return all
}

// clients finds sites with one client of OpenID Connect and separate sessions.
// A provider has only one address for logout notices, so only one of them gets
// notices.
func (s *Setup) clients() (all []Finding) {
	for i, a := range s.all {
		for _, b := range s.all[i+1:] {
			if a.ClientID == "" || a.ClientID != b.ClientID || a.URL != b.URL || a.Origin == b.Origin || a.sharesSessions(b) {
				continue
			}
			f := found("client-shared", fmt.Sprintf("%s and %s use one client (%s) and keep their sessions apart: authentik sends logout notices to one address, so at one of them they are missed",
				a.label(), b.label(), a.ClientID),
				"give each site a client of its own, with caddy authentik setup --openid, or give both the same sessions and key")
			f.Site = b.label()
			all = append(all, f)
		}
	}
	return all
}

// sharesSessions reports whether a notice to one gate ends the other's
// sessions.
func (g Gate) sharesSessions(other Gate) bool {
	kept := func(g Gate) string {
		if len(g.Sessions) == 0 {
			return `{"store":"storage"}`
		}
		return string(g.Sessions)
	}
	return kept(g) == kept(other) && g.Key == other.Key
}

// trusts finds a server that lets every client name its own address.
func (s server) trusts() (all []Finding) {
	for _, text := range s.trusted {
		if prefix, err := netip.ParsePrefix(text); err == nil && prefix.Bits() == 0 {
			all = append(all, found("trusted-proxies-all", fmt.Sprintf("server %s trusts %s: every client can claim any address, scheme and host", s.name, text),
				"name only your own proxies in trusted_proxies, for example: trusted_proxies static private_ranges"))
		}
	}
	return all
}

// options checks the options of one gate.
func (g Gate) configured(s *Setup) (all []Finding) {
	if g.ClientSecret != "" && !strings.Contains(g.ClientSecret, "{") {
		all = append(all, found("secret-in-config", "client_secret is written in the configuration itself",
			"write it to a file and name that: client_secret {file./etc/caddy/client-secret}"))
	}
	if u, err := url.Parse(g.public()); err == nil && g.PublicURL == "" && g.LoginAt == "" && !g.isLoginHost() && rules.InnerHost(u.Hostname()) && !rules.InnerHost(hostOf(g.Origin)) {
		all = append(all, found("public-url-missing", fmt.Sprintf("url is %s, which browsers do not know, and there is no public_url", g.public()),
			"write the address of authentik that browsers use: public_url https://auth.example.com"))
	}
	if u, err := url.Parse(g.Origin); err == nil && u.Scheme == "http" && g.Origin != "" && !rules.InnerHost(u.Hostname()) {
		all = append(all, found("plain-http", g.Origin+" is not encrypted: passwords and cookies can be read on the way",
			"serve the site with https; if something in front of Caddy does that, write site https://"+u.Host))
	}
	all = append(all, g.cookies(s)...)
	return all
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// cookies checks the domain of the session cookie against all sites.
func (g Gate) cookies(s *Setup) (all []Finding) {
	domain := g.Cookie.Domain
	if domain == "" {
		return nil
	}
	hosts := slices.Clone(g.Hosts)
	if g.Site != "" {
		hosts = []string{hostOf(g.Site)}
	}
	for _, h := range hosts {
		if rules.Reach(domain, h) == rules.NotReached {
			all = append(all, found("cookie-domain", fmt.Sprintf("the cookie domain %s is not above the host %s: browsers drop the cookie there", domain, h),
				"write a domain above the host, or leave cookie { domain } out"))
		}
	}
	said := map[string]bool{}
	for _, h := range s.Hosts {
		name, _, err := net.SplitHostPort(h.name)
		if err != nil {
			name = h.name
		}
		if !h.guarded && !said[name] && rules.Reach(domain, name) == rules.Reached && !s.guards(name) && name != hostOf(g.public()) {
			said[name] = true
			all = append(all, found("cookie-domain-neighbour", fmt.Sprintf("%s lies below the cookie domain %s and has no gate: it receives the session cookies", name, domain),
				"give that site the directive as well, or give the guarded sites their own domain, such as apps."+domain))
		}
	}
	return all
}

// guards reports whether a gate guards a host, or each of the hosts below a
// wildcard that an application gets requests for.
func (s *Setup) guards(name string) bool {
	if slices.ContainsFunc(s.all, func(g Gate) bool { return slices.Contains(g.Hosts, name) }) {
		return true
	}
	below := func(g Gate) bool {
		return slices.ContainsFunc(g.Hosts, func(h string) bool { return rules.HostMatches(name, h) })
	}
	return strings.HasPrefix(name, "*") && slices.ContainsFunc(s.all, below) &&
		!slices.ContainsFunc(s.Upstreams, func(u upstream) bool { return u.site == name && !u.byGate })
}
