package page

import (
	"net/url"
	"slices"
	"strings"
)

// A policy is the content security policy of one page (W3C CSP3): what the page
// may load and where it may send, by directive. All that is not named is
// forbidden. Scripts and styles that stand in the page itself never run.
type policy struct {
	scripts, styles, pictures, frames, connects, forms []string
	// popups lets windows that the page's frames open know of the page (HTML, cross-origin
	// opener policies).
	popups bool
	// framed lets any site show the page in a frame.
	framable bool
}

// basePolicy lets a page load its style, its scripts and its pictures, ask and send its
// forms, from and to this site alone. A logo that the operator keeps elsewhere
// is the one exception.
func basePolicy(logo string) policy {
	own := []string{"'self'"}
	return policy{
		scripts: own, styles: own, connects: own, forms: own,
		pictures: append([]string{"'self'", "data:"}, origins(logo)...),
	}
}

// origins returns the origin of each address that has one on the web. Nothing
// else may stand in a policy: a semicolon would begin another directive.
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

// and returns the policy with more in it. The one it is called on stays as it is.
func (p policy) with(more policy) policy {
	return policy{
		scripts: slices.Concat(p.scripts, more.scripts), styles: slices.Concat(p.styles, more.styles),
		pictures: slices.Concat(p.pictures, more.pictures), frames: slices.Concat(p.frames, more.frames),
		connects: slices.Concat(p.connects, more.connects), forms: slices.Concat(p.forms, more.forms),
		popups: p.popups || more.popups, framable: p.framable || more.framable,
	}
}

// String writes the policy as the header has it.
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
