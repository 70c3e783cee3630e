package sidecar

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// checkSites returns what is wrong with sites.
func checkSites(all []Site) (errs []error) {
	for i, s := range all {
		if err := rules.SiteHost(s.Host); err != nil {
			errs = append(errs, fmt.Errorf("site: %w", err))
		}
		if slices.ContainsFunc(all[:i], func(other Site) bool { return strings.EqualFold(other.Host, s.Host) }) {
			errs = append(errs, fmt.Errorf("site: %s is given twice; keep one of them", s.Host))
		}
	}
	return errs
}

// sites are the sites by host. No two patterns with the same number of labels
// match the same host.
type sites map[string]Site

func newSites(all []Site) sites {
	byHost := make(sites, len(all))
	for _, s := range all {
		byHost[strings.ToLower(s.Host)] = s
	}
	return byHost
}

// at returns the site of a host, which may have a port. A name takes precedence
// over a pattern, and a name with a port over a name without.
func (all sites) at(host string) (Site, bool) {
	name := rules.Host(host)
	_, port, _ := net.SplitHostPort(host)
	label, parent, _ := strings.Cut(name, ".")
	if label == "" {
		return Site{}, false
	}
	if s, ok := all.spelled(name, port); ok {
		return s, true
	}
	return all.spelled("*."+parent, port)
}

func (all sites) spelled(name, port string) (Site, bool) {
	if port != "" {
		if s, ok := all[name+":"+port]; ok {
			return s, true
		}
	}
	s, ok := all[name]
	return s, ok
}
