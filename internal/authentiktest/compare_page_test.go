package authentiktest

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page compares the recorded parts of HTML: the title, the first visible words and
// the number of forms. The rest of authentik's markup is not copied.
func (d *differences) page(recorded recordedPage, live string) {
	page, err := reduced(live)
	if err != nil {
		d.add("body", "HTML", err)
		return
	}
	if page.Title != recorded.Title {
		d.add("title", recorded.Title, page.Title)
	}
	if page.Words != recorded.Words {
		d.add("words", recorded.Words, page.Words)
	}
	if len(page.Forms) != len(recorded.Forms) {
		d.add("forms", len(recorded.Forms), len(page.Forms))
	}
}

// reduced returns the parts of a page that recordings have.
func reduced(page string) (recordedPage, error) {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return recordedPage{}, err
	}
	var title, words []string
	var forms []any
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.DataAtom == atom.Title:
			title = append(title, strings.Fields(n.Data)...)
		case n.Type == html.TextNode && n.Parent.DataAtom != atom.Script && n.Parent.DataAtom != atom.Style:
			words = append(words, strings.Fields(n.Data)...)
		case n.DataAtom == atom.Form:
			forms = append(forms, n)
		}
	}
	return recordedPage{Title: strings.Join(title, " "), Words: firstWords(words), Forms: forms}, nil
}

// firstWords are those of a page that were recorded: 200 characters of them.
func firstWords(words []string) string {
	all := []rune(strings.Join(words, " "))
	return string(all[:min(len(all), 200)])
}
