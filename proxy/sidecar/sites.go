package sidecar

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// checkSites returns the mistakes in sites.
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

// sites are the sites by name, and those with a pattern by the part after "*.".
// No two patterns with the same number of labels match the same host.
type sites struct{ named, below byHost }

type byHost map[string]Site

func newSites(all []Site) sites {
	s := sites{named: byHost{}, below: byHost{}}
	for _, one := range all {
		host := strings.ToLower(one.Host)
		if parent, pattern := strings.CutPrefix(host, "*."); pattern {
			s.below[parent] = one
		} else {
			s.named[host] = one
		}
	}
	return s
}

// at returns the site of a host, which may have a port. A name takes precedence
// over a pattern, and a name with a port over a name without.
func (s sites) at(host string) (Site, bool) {
	name, port := rules.Host(host), ""
	if strings.Contains(host, ":") {
		_, port, _ = net.SplitHostPort(host)
	}
	label, parent, _ := strings.Cut(name, ".")
	if label == "" {
		return Site{}, false
	}
	if one, ok := s.named.at(name, port); ok {
		return one, true
	}
	return s.below.at(parent, port)
}

func (all byHost) at(name, port string) (Site, bool) {
	if port != "" {
		if s, ok := all[name+":"+port]; ok {
			return s, true
		}
	}
	s, ok := all[name]
	return s, ok
}
