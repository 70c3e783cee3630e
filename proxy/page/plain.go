package page

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plain returns the text of an administrator's HTML, tags removed. Line breaks
// stay, and a link is followed by its address, so that nothing is lost but the
// looks. Scripts and styles are no text.
func plain(markup string) string {
	var t text
	z := html.NewTokenizer(strings.NewReader(markup))
	for z.Next() != html.ErrorToken {
		t.take(z.Token())
	}
	return t.String()
}

// A text is what has been read of a piece of HTML.
type text struct {
	out   strings.Builder
	link  string
	muted atom.Atom
}

func (t *text) take(k html.Token) {
	switch k.Type {
	case html.TextToken:
		if t.muted == 0 {
			t.out.WriteString(strings.ReplaceAll(k.Data, "\n", " "))
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		t.open(k)
	case html.EndTagToken:
		t.close(k)
	}
}

func (t *text) open(k html.Token) {
	switch k.DataAtom {
	case atom.Script, atom.Style, atom.Title, atom.Iframe, atom.Noscript, atom.Textarea:
		if k.Type == html.StartTagToken && t.muted == 0 {
			t.muted = k.DataAtom
		}
	case atom.A:
		t.link = webAddress(attr(k, "href"))
	default:
		t.breakAt(k.DataAtom)
	}
}

func (t *text) close(k html.Token) {
	switch {
	case t.muted != 0:
		if k.DataAtom == t.muted {
			t.muted = 0
		}
	case k.DataAtom == atom.A && t.link != "":
		if !strings.HasSuffix(t.out.String(), t.link) {
			t.out.WriteString(" (" + t.link + ")")
		}
		t.link = ""
	default:
		t.breakAt(k.DataAtom)
	}
}

// breakAt begins a new line at what browsers show as a block.
func (t *text) breakAt(a atom.Atom) {
	switch a {
	case atom.Br, atom.P, atom.Div, atom.Li, atom.Ul, atom.Ol, atom.Tr, atom.Hr,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Section, atom.Pre, atom.Blockquote:
		t.out.WriteByte('\n')
	}
}

// String returns the text with single blanks and no empty lines.
func (t *text) String() string {
	var lines []string
	for line := range strings.SplitSeq(t.out.String(), "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, "\n")
}

func attr(k html.Token, name string) string {
	for _, a := range k.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
