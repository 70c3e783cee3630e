package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A Page is the answer from an address, whatever its status.
type Page struct {
	Status int
	URL    *url.URL // after all redirects
	Header http.Header
	Body   string

	browser *Browser
	doc     *html.Node
}

// Title is the text of the title element.
func (p *Page) Title() string {
	return first(p.doc, func(n *html.Node) bool { return n.Data == "title" })
}

// Heading is the text of the first h1.
func (p *Page) Heading() string {
	return first(p.doc, func(n *html.Node) bool { return n.Data == "h1" })
}

// Errors are the texts of alerts (role=alert).
func (p *Page) Errors() []string { return p.withRole("alert") }

// Notices are the texts of status messages (role=status).
func (p *Page) Notices() []string { return p.withRole("status") }

func (p *Page) withRole(role string) []string {
	var texts []string
	for n := range elements(p.doc) {
		if value(n, "role") == role {
			texts = append(texts, text(n))
		}
	}
	return texts
}

// Text is all text that can be read on the page, with white space as browsers
// show it and each block on a separate line.
func (p *Page) Text() string { return text(body(p.doc)) }

// Texts are the texts of all elements of a class.
func (p *Page) Texts(class string) []string {
	var texts []string
	for n := range elements(p.doc) {
		for _, one := range strings.Fields(value(n, "class")) {
			if one == class {
				texts = append(texts, text(n))
			}
		}
	}
	return texts
}

// Attribute is the value of the first attribute of that name on the page.
func (p *Page) Attribute(name string) (v string, found bool) {
	for n := range elements(p.doc) {
		if has(n, name) {
			return value(n, name), true
		}
	}
	return "", false
}

// Follow clicks the link of that text.
func (p *Page) Follow(ctx context.Context, link string) (*Page, error) {
	for n := range elements(p.doc) {
		if n.Data != "a" || !has(n, "href") || text(n) != link {
			continue
		}
		to, err := p.resolve(value(n, "href"))
		if err != nil {
			return nil, err
		}
		return p.browser.load(ctx, navigation{method: http.MethodGet, to: to, from: p})
	}
	return nil, p.missing("there is no link %q", link)
}

// Reload loads the page's address once more, by GET.
func (p *Page) Reload(ctx context.Context) (*Page, error) {
	return p.browser.Open(ctx, p.URL.String())
}

func (p *Page) resolve(ref string) (*url.URL, error) {
	to, err := p.URL.Parse(strings.TrimSpace(ref))
	if err != nil {
		return nil, fmt.Errorf("browser: %s links to %q, which is not an address: %w", p.URL, ref, err)
	}
	return to, nil
}

// referrerPolicy is the last known policy of the header, or the default.
func (p *Page) referrerPolicy() string {
	policy := "strict-origin-when-cross-origin"
	for one := range strings.SplitSeq(p.Header.Get("Referrer-Policy"), ",") {
		switch one = strings.ToLower(strings.TrimSpace(one)); one {
		case "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin",
			"origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url":
			policy = one
		}
	}
	return policy
}

// missing is an error that says what the page does not have, and what it shows.
func (p *Page) missing(format string, args ...any) error {
	return fmt.Errorf("browser: %s on the page %s (status %d), which says:\n%s",
		fmt.Sprintf(format, args...), p.URL, p.Status, indent(p.Text()))
}

func indent(s string) string { return "\t" + strings.ReplaceAll(s, "\n", "\n\t") }

// elements yields the elements below a node in the order of the document,
// without templates, which are for scripts only.
func elements(top *html.Node) func(yield func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for n := range top.Descendants() {
			if n.Type == html.ElementNode && n.Data != "template" && !yield(n) {
				return
			}
		}
	}
}

func first(top *html.Node, is func(*html.Node) bool) string {
	for n := range elements(top) {
		if is(n) {
			return text(n)
		}
	}
	return ""
}

func body(doc *html.Node) *html.Node {
	for n := range elements(doc) {
		if n.Data == "body" {
			return n
		}
	}
	return doc
}

func value(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val
		}
	}
	return ""
}

func set(n *html.Node, name, v string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == name })
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: v})
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return true
		}
	}
	return false
}

// text is the text of an element that can be read.
func text(n *html.Node) string {
	var b strings.Builder
	write(&b, n)
	var lines []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func write(b *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		b.WriteString(strings.ReplaceAll(n.Data, "\n", " "))
		return
	case n.Type == html.ElementNode && unseen[n.Data]:
		return
	}
	apart := n.Type == html.ElementNode && !inline[n.Data]
	if apart {
		b.WriteByte('\n')
	}
	for c := range n.ChildNodes() {
		write(b, c)
	}
	if apart {
		b.WriteByte('\n')
	}
}

var (
	unseen = map[string]bool{"script": true, "style": true, "template": true, "head": true, "option": true, "textarea": true}
	inline = map[string]bool{
		"a": true, "abbr": true, "b": true, "bdi": true, "code": true, "em": true, "i": true, "kbd": true,
		"small": true, "span": true, "strong": true, "svg": true, "path": true, "u": true,
	}
)
