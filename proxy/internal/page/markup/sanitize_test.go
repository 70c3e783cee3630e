package markup

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func TestSanitize_CleansAdministratorsHTML(t *testing.T) {
	t.Parallel()
	const rel = ` rel="nofollow noreferrer`
	for in, want := range map[string]string{
		"":                                   "",
		"plain":                              "plain",
		"a &amp; b < c":                      "a &amp; b &lt; c",
		"Help with <b>HTML</b>":              "Help with <b>HTML</b>",
		"<p>one<p>two <i>2":                  "<p>one</p><p>two <i>2</i></p>",
		"<ul><li>x<li>y</ul>":                "<ul><li>x</li><li>y</li></ul>",
		"<h1>A</h1><h2>B</h2><h6>C</h6>":     "<h2>A</h2><h3>B</h3><h6>C</h6>",
		"<table><tr><td colspan=2>x</table>": `<table><tbody><tr><td colspan="2">x</td></tr></tbody></table>`,
		`<p class="alert" id="uid" style="color:red" onclick="x()">x</p>`: "<p>x</p>",
		`<a href="https://example.com/a?b=1&amp;c">x</a>`:                 `<a href="https://example.com/a?b=1&amp;c"` + rel + ` noopener" target="_blank">x</a>`,
		`<a href="mailto:it@example.com">x</a>`:                           `<a href="mailto:it@example.com"` + rel + `">x</a>`,
		`<a href="javascript:alert(1)">x</a>`:                             "x",
		`<a href="data:text/html,x">x</a>`:                                "x",
		`<a href="/if/flow/x/">x</a>`:                                     "x",
		`<a href="//evil.example/">x</a>`:                                 "x",
		"a<script>alert(1)</script>b":                                     "ab",
		"a<style>p{}</style>b":                                            "ab",
		`<img src="https://evil.example/x.png" alt="x">y`:                 "y",
		`<form action="https://evil.example/"><input name="p">x</form>`:   "x",
		`</div></form></main>x`:                                           "x",
		"<div><b>x":                                                       "<div><b>x</b></div>",
		"<iframe src=https://evil.example/></iframe>x":                    "x",
		"<svg><a xlink:href='javascript:alert(1)'>x</a></svg>":            "x",
	} {
		if got := string(Sanitize(in)); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", in, got, want)
		}
	}
}

// inert are the elements that text of an administrator's may have, and what they
// may have besides.
var inert = strings.Fields(`p br hr div blockquote pre h2 h3 h4 h5 h6 b strong i em u s del ins mark small sub sup code kbd samp q cite abbr
	ul ol li dl dt dd table caption thead tbody tfoot tr th td a`)

var inertMarks = strings.Fields("colspan rowspan dir href rel target")

// FuzzSanitize_LeavesNothingActive parses what is left of any
// text as a browser does, in the middle of a page: nothing in it is active, and
// it ends where it should.
func FuzzSanitize_LeavesNothingActive(f *testing.F) {
	for _, evil := range []string{
		`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `javascript:alert(1)`,
		`</textarea><script>alert(1)</script>`, `</title><script>alert(1)</script>`, `</style><script>alert(1)</script>`,
		`<!--`, `]]>`, "\x00", "\u202eabc", `" autofocus onfocus=alert(1) x="`, `<svg/onload=alert(1)>`, `<base href=//evil.example>`, "",
		`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
		`<a href="https://x/"><table><a href="https://y/">z`, `<svg><style><img src=x onerror=alert(1)>`, `<select><template><b>`,
		`<form><form><input>`, `<p><table><b></p>x`, `<b><p></b></p>`, `<li><div></li>x`, `<plaintext>x`, `<xmp></div>`, `<h1><h1>x`,
		`<!--><img src=x onerror=alert(1)>-->`, `<![CDATA[<img src=x onerror=alert(1)>]]>`, "<a href='java\tscript:alert(1)'>x", `<a href="https://[::1">x`,
		`<table><td></table></div></td>`, `<frameset><frame>`, `<body onload=alert(1)>`, `<dd><dt><dd></div>`, "<ruby><rt><rp>x", `<b><b><b><b></div>`,
	} {
		f.Add(evil)
	}
	f.Fuzz(func(t *testing.T, markup string) {
		got := string(Sanitize(markup))
		doc, err := html.Parse(strings.NewReader(`<main><form><div id="mine">` + got + `</div><p id="next">x</p></form></main>`))
		if err != nil {
			t.Fatal(err)
		}
		mine, next := byID(doc, "mine"), byID(doc, "next")
		if mine == nil || next == nil || next.PrevSibling != mine || next.FirstChild.Data != "x" || next.Parent.DataAtom != atom.Form {
			t.Fatalf("%q: got an element that is not closed:\n%s", markup, got)
		}
		for _, e := range elements(mine) {
			harmlessText(t, e)
		}
	})
}

func byID(doc *html.Node, id string) *html.Node {
	for _, e := range elements(doc) {
		if v, _ := value(e, "id"); v == id {
			return e
		}
	}
	return nil
}

// harmlessText holds an element of an administrator's text to be one of the few.
func harmlessText(t testing.TB, e *html.Node) {
	t.Helper()
	if !slices.Contains(inert, e.Data) || e.Namespace != "" {
		t.Fatalf("got <%s> in a text, want it removed", e.Data)
	}
	for _, a := range e.Attr {
		if !slices.Contains(inertMarks, a.Key) {
			t.Fatalf("got %s=%q in a text, want it removed", a.Key, a.Val)
		}
	}
	if e.DataAtom != atom.A {
		return
	}
	href, _ := value(e, "href")
	to, err := url.Parse(href)
	if err != nil || !slices.Contains([]string{"http", "https", "mailto"}, to.Scheme) {
		t.Fatalf("got a link to %q in a text, want it removed", href)
	}
	if rel, _ := value(e, "rel"); !strings.Contains(rel, "nofollow") || !strings.Contains(rel, "noreferrer") {
		t.Fatalf("got a link with rel=%q in a text", rel)
	}
}

func elements(n *html.Node) (all []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode {
			all = append(all, d)
		}
	}
	return all
}

func value(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
