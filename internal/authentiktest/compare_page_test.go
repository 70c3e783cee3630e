package authentiktest

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page compares what was kept of HTML: the title, the first visible words and
// whether there are forms. Its length is not ours to match.
func (d *differences) page(recorded recordedPage, live string) {
	root, err := html.Parse(strings.NewReader(live))
	if err != nil {
		d.add("body", "HTML", err)
		return
	}
	var title, words []string
	forms := 0
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.DataAtom == atom.Title:
			title = append(title, n.Data)
		case n.Type == html.TextNode && n.Parent.DataAtom != atom.Script && n.Parent.DataAtom != atom.Style:
			words = append(words, strings.Fields(n.Data)...)
		case n.DataAtom == atom.Form:
			forms++
		}
	}
	if got := strings.Join(title, " "); got != recorded.Title {
		d.add("title", recorded.Title, got)
	}
	if got := firstWords(words); got != recorded.Words {
		d.add("words", recorded.Words, got)
	}
	if forms != len(recorded.Forms) {
		d.add("forms", len(recorded.Forms), forms)
	}
}

// firstWords are those of a page that were recorded: 200 characters of them.
func firstWords(words []string) string {
	all := []rune(strings.Join(words, " "))
	return string(all[:min(len(all), 200)])
}
