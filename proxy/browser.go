package proxy

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// CookieConfig says how the browser keeps the session.
type CookieConfig struct {
	// Name is the cookie's name, without the prefix that its scope demands.
	// Default: authentik_gate.
	Name string
	// Domain makes one session valid for all hosts below it. Default: only the host.
	Domain string
	// Persistent lets the cookie outlive the browser, up to the session's Lifetime.
	Persistent bool
}

// Cache says what caches may keep of the application's responses to signed-in
// visitors, where the application itself sends none of Cache-Control, Expires and
// Pragma.
type Cache string

const (
	// CachePrivate lets only the visitor's own browser keep the responses. The
	// browser has to ask the application before it shows a page again. Signing out
	// clears that cache.
	CachePrivate Cache = "private"
	// CacheOff leaves the responses as they are.
	CacheOff Cache = "off"
)

func (cfg Config) checkCache(wrong func(option string, err error)) {
	if cfg.Cache != CachePrivate && cfg.Cache != CacheOff {
		wrong("cache", fmt.Errorf("%q is not known; use private or off", cfg.Cache))
	}
}

// An AppCookie is a cookie of the application: its name, and the path and the
// domain that the application has set it with. The default path is /. By
// default the cookie has no domain: it is for the host only.
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

// PageConfig says how the gate's pages look.
type PageConfig struct {
	// Title is shown on every page. Default: the title of authentik's brand.
	Title string
	// Logo is the address of a picture. Default: the logo of authentik's brand.
	Logo string
	// Style is a style sheet that is loaded after the page's own style sheet.
	// Default: none.
	Style []byte
	// Templates has templates, each of which replaces the gate's template of the
	// same name (see PageTemplates). They can do what the gate's pages can, so
	// only the operator may write them. Default: none.
	Templates fs.FS
	// Language is the language of the pages, as a tag of BCP 47. authentik is
	// asked for its texts in that language too. Default: chosen for each visitor.
	Language string
}

// PageTemplates are the names that templates in PageConfig may have.
func PageTemplates() []string { return templates.Names() }
