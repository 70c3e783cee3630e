package proxy

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// CookieConfig configures the session cookie.
type CookieConfig struct {
	// Name is the cookie's name, without a prefix such as __Host-. Default:
	// authentik_gate.
	Name string
	// Domain makes one session valid for all hosts below it. Default: only the
	// host of the request.
	Domain string
	// Persistent keeps the cookie when the browser is closed, for the session's
	// Lifetime at most. Default: the cookie ends with the browser.
	Persistent bool
}

// Cache says what caches may keep of the application's responses to signed-in
// visitors. It has no effect on a response in which the application itself
// sends public, s-maxage, private, no-cache or no-store.
type Cache string

const (
	// CachePrivate lets only the visitor's own browser keep the responses. The
	// browser must ask the application before it shows a page again. Signing
	// out clears that cache.
	CachePrivate Cache = "private"
	// CacheOff does not change the responses.
	CacheOff Cache = "off"
)

func (cfg Config) checkCache(wrong func(option string, err error)) {
	if cfg.Cache != CachePrivate && cfg.Cache != CacheOff {
		wrong("cache", fmt.Errorf("%q is not known; use private or off", cfg.Cache))
	}
}

// An AppCookie is a cookie of the application: its name, and the path and the
// domain with which the application sets it. The default path is /. Default
// domain: none; the cookie is for the host only.
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

// PageConfig configures the looks of the gate's pages.
type PageConfig struct {
	// Title is shown on every page. Default: the title of authentik's brand.
	Title string
	// Logo is the address of a picture. Default: the logo of authentik's brand.
	Logo string
	// Style is a style sheet that is loaded after the page's own style sheet.
	// Default: none.
	Style []byte
	// Templates has templates, each of which replaces the gate's template of
	// the same name (see PageTemplates). Only the operator may write them,
	// since a template controls the whole page. Default: none.
	Templates fs.FS
	// Language is the language of the pages, as a tag of BCP 47. authentik is
	// asked for its texts in that language too. Default: chosen for each visitor.
	Language string
}

// PageTemplates are the names that templates in PageConfig may have.
func PageTemplates() []string { return templates.Names() }
