package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Text returns the text of an HTML page: its title and the text that browsers
// would show, each block on a line of its own.
func Text(page string) string {
	var out strings.Builder
	z, muted := html.NewTokenizer(strings.NewReader(page)), atom.Atom(0)
	for z.Next() != html.ErrorToken {
		switch k := z.Token(); {
		case k.Type == html.TextToken && muted == 0:
			out.WriteString(strings.ReplaceAll(k.Data, "\n", " "))
		case k.Type == html.StartTagToken && muted == 0 && hidden(k.DataAtom):
			muted = k.DataAtom
		case k.Type == html.EndTagToken && k.DataAtom == muted:
			muted = 0
		case !inline(k.DataAtom):
			out.WriteByte('\n')
		}
	}
	var lines []string
	for line := range strings.SplitSeq(out.String(), "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, "\n")
}

// hidden reports whether the content of an element is not shown as text.
func hidden(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Iframe, atom.Noscript, atom.Textarea, atom.Template:
		return true
	default:
		return false
	}
}

// inline reports whether an element does not start a new line.
func inline(a atom.Atom) bool {
	switch a {
	case atom.A, atom.B, atom.Strong, atom.I, atom.Em, atom.Span, atom.Code, atom.Small, atom.U:
		return true
	default:
		return false
	}
}
