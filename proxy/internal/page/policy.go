package page

import (
	"net/url"
	"slices"
	"strings"
)

// A policy is the content security policy of one page (W3C CSP3): the sources
// that each directive allows. Everything else is forbidden, inline scripts and
// styles included.
type policy struct {
	scripts, styles, pictures, frames, connects, forms []string
	// popups keeps the connection to windows that the page's frames open (HTML,
	// cross-origin opener policies).
	popups bool
	// framable lets any site show the page in a frame.
	framable bool
}

// basePolicy allows styles, scripts, pictures, requests and forms of this site
// only, and the operator's logo, which may be on another.
func basePolicy(logo string) policy {
	own := []string{"'self'"}
	return policy{
		scripts: own, styles: own, connects: own, forms: own,
		pictures: append([]string{"'self'", "data:"}, origins(logo)...),
	}
}

// origins returns the origin of each web address. Anything else is left out of
// a policy: a semicolon would begin another directive.
func origins(addresses ...string) []string {
	var all []string
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(u.Host, ";, '\"*") {
			continue
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}

// with returns a copy of the policy that allows more.
func (p policy) with(more policy) policy {
	return policy{
		scripts: slices.Concat(p.scripts, more.scripts), styles: slices.Concat(p.styles, more.styles),
		pictures: slices.Concat(p.pictures, more.pictures), frames: slices.Concat(p.frames, more.frames),
		connects: slices.Concat(p.connects, more.connects), forms: slices.Concat(p.forms, more.forms),
		popups: p.popups || more.popups, framable: p.framable || more.framable,
	}
}

// String returns the value of the header.
func (p policy) String() string {
	out := "default-src 'none'"
	for _, d := range []struct {
		name  string
		allow []string
	}{
		{"script-src", p.scripts},
		{"style-src", p.styles},
		{"img-src", p.pictures},
		{"frame-src", p.frames},
		{"connect-src", p.connects},
		{"form-action", p.forms},
	} {
		if len(d.allow) > 0 {
			out += "; " + d.name + " " + strings.Join(d.allow, " ")
		}
	}
	ancestors := "'none'"
	if p.framable {
		ancestors = "*"
	}
	return out + "; frame-ancestors " + ancestors + "; base-uri 'none'"
}
