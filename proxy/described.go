package proxy

import "errors"

// IdentityHeaders returns the names of the headers that tell the application who
// the visitor is. Beside them, users may have headers that begin with
// X-Authentik-.
func (g *Gate) IdentityHeaders() []string { return g.headers.Names() }

// IsIdentityHeader reports whether some application may read who the visitor is
// from a header of this name. The gate removes it from each request, in every
// spelling, before it sets its own.
func (g *Gate) IsIdentityHeader(name string) bool { return g.headers.Protects(name) }

// checkDescribed refuses what needs the bodies of requests, or the application's
// responses, if another proxy has both.
func (cfg Config) checkDescribed(wrong func(option string, err error)) {
	if !cfg.Described {
		return
	}
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
