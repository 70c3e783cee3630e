package proxy

import (
	"fmt"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// An AppCookie is a cookie of the application: its name, and the path and the
// domain that the application has set it with. The default path is /, and the
// default domain is none: the cookie is for the host only.
type AppCookie = exchange.AppCookie

func (cfg Config) checkAppCookies(wrong func(option string, err error)) {
	for _, c := range cfg.AppCookies {
		wrong("app cookies", rules.AppCookie(c.Name, c.Path, c.Domain, cfg.Cookie.Name))
	}
	for i, what := range cfg.ClearSiteData {
		if what != "cache" && what != "storage" || slices.Contains(cfg.ClearSiteData[:i], what) {
			wrong("clear site data", fmt.Errorf("%q is not known or given twice; use cache or storage", what))
		}
	}
}

// appCookies returns the cookies with their defaults.
func (cfg Config) appCookies() []AppCookie {
	all := slices.Clone(cfg.AppCookies)
	for i := range all {
		if all[i].Path == "" {
			all[i].Path = "/"
		}
	}
	return all
}
