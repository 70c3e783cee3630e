package proxy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// checkDescribed checks a gate that another proxy asks. It refuses options that
// need the bodies of requests, or the application's responses.
func (cfg Config) checkDescribed(wrong func(option string, err error)) {
	for _, o := range []struct {
		option string
		given  bool
		why    string
	}{
		{"cache", cfg.Cache == CachePrivate, "the application's responses are the other proxy's; leave it out, and set Cache-Control there"},
		{"sign-on form", cfg.SignOnForm != nil, "the application's login page is the other proxy's to ask for; leave it out"},
		{"sign-out paths", len(cfg.SignOutPaths) > 0, "the application's responses are the other proxy's; leave it out, and link to /.authentik/logout"},
		{"late forms", len(cfg.LateForms) > 0, "the bodies of requests are the other proxy's; leave it out"},
		{"preflight", cfg.Preflight, "the bodies of requests are the other proxy's, and a preflight must have none; answer preflights there"},
		{"login", cfg.Login == LoginRelay, "authentik's own interface needs all paths of the site; use page or redirect"},
		{"assertion", cfg.Assertion != nil, "an assertion comes from one site, and another proxy asks for several; leave it out"},
		{"login host", cfg.LoginHost != nil, "authentik is behind a login host; let this gate have LoginAt"},
		{"site", cfg.Site != nil, "the other proxy says which site a request is for; use Hosts"},
	} {
		if o.given {
			wrong(o.option, errors.New("it cannot be used with Described: "+o.why))
		}
	}
}

// checkLoginHost checks a login host. It refuses options that guard an
// application.
func (cfg Config) checkLoginHost(wrong func(option string, err error)) {
	given(cfg.LoginHost.StepUp, func() { wrong("step up", rules.Slug(cfg.LoginHost.StepUp)) })
	wrong("prefix", cfg.checkBelowAuthentik())
	for _, given := range []struct {
		option string
		given  bool
	}{
		{"login at", cfg.LoginAt != nil},
		{"login relay or redirect", cfg.Login != LoginPage},
		{"application", cfg.Application != ""},
		{"client id", cfg.OIDC.used()},
		{"require", len(cfg.Require) > 0},
		{"rules", len(cfg.Rules) > 0},
		{"preflight", cfg.Preflight},
		{"clients", cfg.Clients.Basic || cfg.Clients.Bearer},
		{"cookie domain", cfg.Cookie.Domain != ""},
		{"sign on form", cfg.SignOnForm != nil},
		{"sign out paths", len(cfg.SignOutPaths) > 0},
		{"late forms", len(cfg.LateForms) > 0},
		{"assertion", cfg.Assertion != nil},
	} {
		if given.given {
			wrong(given.option, errors.New("a login host guards nothing; leave it out, and set it on the gates that name it with login at"))
		}
	}
}

// checkBelowAuthentik checks that browsers send authentik's cookies to the
// addresses of a login host: authentik sets its cookies for the path of its own
// address.
func (cfg Config) checkBelowAuthentik() error {
	if cfg.Client == nil {
		return nil
	}
	base := relay.BasePath(cfg.Client.Root())
	if strings.HasPrefix(cfg.Prefix, base) {
		return nil
	}
	return fmt.Errorf("authentik lies below %s, and browsers send its cookies to no other path, such as %s; write prefix %s", base, cfg.Prefix, base+".authentik")
}

// checkLoginAt checks a gate whose visitors sign in at a login host.
func (cfg Config) checkLoginAt(wrong func(option string, err error)) {
	wrong("login at", rules.LoginOrigin(cfg.LoginAt.String()))
	wrong("login at", rules.TicketHosts(cfg.hosts()))
	for _, given := range []struct {
		option string
		given  bool
	}{
		{"flow", cfg.Flow != ""},
		{"client id", cfg.OIDC.used()},
		{"login", cfg.Login != loginAtHost && cfg.Login != LoginPage},
		{"host", cfg.PageHost && cfg.Login != LoginPage},
	} {
		if given.given {
			wrong(given.option, fmt.Errorf("it cannot be used with login at: visitors sign in at %s; leave it out", originOf(cfg.LoginAt)))
		}
	}
}
