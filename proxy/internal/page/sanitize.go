package page

import (
	"html/template"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// rich returns what may be shown of an administrator's HTML. It is the only place
// where text that is not ours becomes HTML, and the sanitizer has the last word.
func sanitize(markup string) template.HTML {
	clean := strings.TrimSpace(sanitizer.Sanitize(balance(markup)))
	return template.HTML(clean) //nolint:gosec // This is what the sanitizer is for.
}

// allowed is what an administrator's HTML may be made of: text and its order, and
// links that leave the web's own schemes alone. Nothing in it has a name, a class
// or a style, so that it can neither look like the page's own nor be mistaken for
// it by a script. There are no pictures: one on another host would tell a third
// party who signs in here, and fetching it through the gate would let a form choose
// what the gate asks authentik for. Relative links would lead into this site.
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
	p.AddTargetBlankToFullyQualifiedLinks(true) // a form half filled in would be lost
	return p
}

// whole closes what is open and opens what is closed, as a browser would, so that
// no end tag in a text can end an element of the page. Headings move one down: the
// page has its h1 already.
func balance(markup string) string {
	in := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragment(strings.NewReader(markup), in)
	if err != nil {
		return "" // a reader of a string does not fail, and the parser takes anything
	}
	var out strings.Builder
	for _, n := range nodes {
		demote(n)
		for inner := range n.Descendants() {
			demote(inner)
		}
		if html.Render(&out, n) != nil {
			return "" // nested too deep to be written down: no text for people
		}
	}
	return out.String()
}

// lower is the heading below each heading.
var lowerHeading = map[atom.Atom]atom.Atom{
	atom.H1: atom.H2, atom.H2: atom.H3, atom.H3: atom.H4, atom.H4: atom.H5, atom.H5: atom.H6,
}

func demote(n *html.Node) {
	if to, ok := lowerHeading[n.DataAtom]; ok && n.Type == html.ElementNode {
		n.DataAtom, n.Data = to, to.String()
	}
}
