// Package markup makes HTML from outside safe to show, or extracts its text. It
// does not know the pages.
package markup

import (
	"html/template"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Sanitize returns the part of an administrator's HTML that may be shown. Only
// this function turns text from outside into HTML.
func Sanitize(markup string) template.HTML {
	clean := strings.TrimSpace(sanitizer.Sanitize(balance(markup)))
	return template.HTML(clean) //nolint:gosec // This is what the sanitizer is for.
}

// sanitizer allows text, its structure, and links to the web. It allows no
// names, classes or styles, so that the HTML cannot imitate the page or be
// found by its scripts. It allows no pictures: those on other hosts would tell
// a third party who signs in here, and with those at authentik a form would
// choose what the gate requests from authentik. Relative links would lead into
// this site.
var sanitizer = newSanitizer()

func newSanitizer() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(
		"p", "br", "hr", "div", "blockquote", "pre", "h2", "h3", "h4", "h5", "h6",
		"b", "strong", "i", "em", "u", "s", "del", "ins", "mark", "small", "sub", "sup", "code", "kbd", "samp", "q", "cite", "abbr",
		"ul", "ol", "li", "dl", "dt", "dd",
		"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
	)
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("th", "td")
	p.AllowAttrs("dir").Matching(bluemonday.Direction).Globally()
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true) // a new tab, since the form on this page may be half filled in
	return p
}

// balance parses HTML as a browser would and writes it with matching tags, so
// that no end tag in it can close an element of the page. It moves headings
// down one level, since the page has an h1.
func balance(markup string) string {
	in := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragment(strings.NewReader(markup), in)
	if err != nil {
		return "" // never happens: reading a string cannot fail, and any HTML can be parsed
	}
	var out strings.Builder
	for _, n := range nodes {
		demote(n)
		for inner := range n.Descendants() {
			demote(inner)
		}
		if html.Render(&out, n) != nil {
			return "" // for HTML that is nested too deep
		}
	}
	return out.String()
}

// lowerHeading is the next lower level of each heading.
var lowerHeading = map[atom.Atom]atom.Atom{
	atom.H1: atom.H2, atom.H2: atom.H3, atom.H3: atom.H4, atom.H4: atom.H5, atom.H5: atom.H6,
}

func demote(n *html.Node) {
	if to, ok := lowerHeading[n.DataAtom]; ok && n.Type == html.ElementNode {
		n.DataAtom, n.Data = to, to.String()
	}
}
