// Package csp writes the content security policies of pages: what a page may
// load and show in frames, and where its forms may go. It knows no page.
package csp

import (
	"net/url"
	"slices"
	"strings"
)

// A Policy is the content security policy of one page (W3C CSP3): the sources
// that each directive allows. Everything else is forbidden, inline scripts and
// styles included.
type Policy struct {
	Scripts, Styles, Pictures, Frames, Connects, Forms []string
	// Popups keeps the connection to windows that the page's frames open (HTML,
	// cross-origin opener policies).
	Popups bool
	// Framable lets any site show the page in a frame.
	Framable bool
}

// New returns a policy that allows styles, scripts, pictures, requests and
// forms of this site only, and the operator's logo, which may be on another
// site.
func New(logo string) Policy {
	own := []string{"'self'"}
	return Policy{
		Scripts: own, Styles: own, Connects: own, Forms: own,
		Pictures: append([]string{"'self'", "data:"}, Origins(logo)...),
	}
}

// Origins returns the origin of each web address. Any other text is left out,
// since a semicolon in it would begin another directive.
func Origins(addresses ...string) []string {
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

// With returns a copy of the policy that allows more.
func (p Policy) With(more Policy) Policy {
	return Policy{
		Scripts: slices.Concat(p.Scripts, more.Scripts), Styles: slices.Concat(p.Styles, more.Styles),
		Pictures: slices.Concat(p.Pictures, more.Pictures), Frames: slices.Concat(p.Frames, more.Frames),
		Connects: slices.Concat(p.Connects, more.Connects), Forms: slices.Concat(p.Forms, more.Forms),
		Popups: p.Popups || more.Popups, Framable: p.Framable || more.Framable,
	}
}

// String returns the value of the header.
func (p Policy) String() string {
	out := "default-src 'none'"
	for _, d := range []struct {
		name  string
		allow []string
	}{
		{"script-src", p.Scripts},
		{"style-src", p.Styles},
		{"img-src", p.Pictures},
		{"frame-src", p.Frames},
		{"connect-src", p.Connects},
		{"form-action", p.Forms},
	} {
		if len(d.allow) > 0 {
			out += "; " + d.name + " " + strings.Join(d.allow, " ")
		}
	}
	ancestors := "'none'"
	if p.Framable {
		ancestors = "*"
	}
	return out + "; frame-ancestors " + ancestors + "; base-uri 'none'"
}
