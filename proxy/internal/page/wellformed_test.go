package page

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// wellMade checks what must hold of every page, whatever it asks.
func checkPage(t testing.TB, page string) {
	t.Helper()
	checkBalance(t, page)
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	all := elements(doc)
	if n := count(all, atom.H1); n != 1 {
		t.Errorf("got %d h1, want one", n)
	}
	if n := count(all, atom.Main); n != 1 {
		t.Errorf("got %d main, want one", n)
	}
	if n, want := having(all, "autofocus"), focused(all); n != want {
		t.Errorf("got %d elements with autofocus, want %d", n, want)
	}
	for _, e := range all {
		harmless(t, e)
		labelled(t, e, all)
		described(t, e, all)
	}
	uniqueIDs(t, all)
	if strings.Contains(page, "ZgotmplZ") {
		t.Errorf("got ZgotmplZ, which html/template writes for unsafe values:\n%s", page)
	}
}

// focused is how many elements should have the focus: none in a frame, where it would be taken from the page around it,
// and none where there is nothing to do.
func focused(all []*html.Node) int {
	for _, e := range all {
		class, _ := value(e, "class")
		if e.DataAtom == atom.Body && class == "framed" || e.DataAtom == atom.Main && idle(elements(e)) {
			return 0
		}
	}
	return 1
}

// idle reports whether there is nothing that a visitor can act on.
func idle(all []*html.Node) bool {
	return count(all, atom.A)+count(all, atom.Form)+count(all, atom.Iframe) == 0
}

func elements(n *html.Node) []*html.Node {
	var all []*html.Node
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

func count(all []*html.Node, a atom.Atom) (n int) {
	for _, e := range all {
		if e.DataAtom == a {
			n++
		}
	}
	return n
}

func having(all []*html.Node, name string) (n int) {
	for _, e := range all {
		if _, ok := value(e, name); ok {
			n++
		}
	}
	return n
}

// void elements have no end tag.
var void = []string{"meta", "link", "img", "input", "source", "br"}

// balanced finds tags that do not close what they should: the parser of a browser
// would mend them in silence.
func checkBalance(t testing.TB, page string) {
	t.Helper()
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		k := z.Token()
		switch {
		case k.Type == html.StartTagToken && !slices.Contains(void, k.Data):
			open = append(open, k.Data)
		case k.Type == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != k.Data {
				t.Fatalf("got </%s> for the open elements %v in:\n%s", k.Data, open, page)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Fatalf("got %v unclosed in:\n%s", open, page)
	}
}

// harmless refuses what the page's policy would not let run, and what would lead
// a browser where no link of ours leads.
func harmless(t testing.TB, e *html.Node) {
	t.Helper()
	if slices.Contains([]string{"object", "embed", "base", "style"}, e.Data) || e.DataAtom == atom.Iframe && !confined(e) {
		t.Errorf("got <%s> on the page, want none", e.Data)
	}
	if src, _ := value(e, "src"); e.DataAtom == atom.Script && (e.FirstChild != nil || !strings.HasPrefix(src, "/.authentik/assets/")) {
		t.Errorf("got a script from %q, want only ours", src)
	}
	for _, a := range e.Attr {
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "formaction" {
			t.Errorf("got attribute %s=%q on the page, want none", a.Key, a.Val)
		}
	}
	if to, ok := value(e, "href"); ok && !goesSomewhereSafe(e, to) {
		t.Errorf("got a link to %q", to)
	}
	if src, ok := value(e, "src"); ok && e.DataAtom != atom.Iframe && !strings.HasPrefix(src, "/.authentik/") && !dataPicture.MatchString(src) {
		t.Errorf("got a picture from %q", src)
	}
	if to, ok := value(e, "action"); ok && to != "/.authentik/login" && to != "/.authentik/logout" && to != "/.authentik/late" && to != "/app" && !leaves(e, to) {
		t.Errorf("got a form to %q", to)
	}
}

// confined reports whether a frame cannot lead the page itself elsewhere.
func confined(e *html.Node) bool {
	src, framed := value(e, "src")
	box, sandboxed := value(e, "sandbox")
	return sandboxed && !strings.Contains(box, "top-navigation") && (!framed || webAddress(src) != "")
}

// leaves reports whether a form is one that is meant for another site: the sealed visit is
// nothing for it.
func leaves(e *html.Node, to string) bool {
	if _, ok := value(e, "data-away"); !ok || webAddress(to) == "" {
		return false
	}
	for _, field := range elements(e) {
		if name, _ := value(field, "name"); name == "visit" {
			return false
		}
	}
	return true
}

func goesSomewhereSafe(e *html.Node, to string) bool {
	if _, own := value(e, "data-own"); own {
		return to[0] == '/' && !strings.HasPrefix(to, "//")
	}
	for _, begin := range []string{"/.authentik/", "https://", "http://"} {
		if strings.HasPrefix(to, begin) {
			return true
		}
	}
	return strings.HasPrefix(to, "otpauth://") || strings.HasPrefix(to, "duo://") || e.DataAtom == atom.Link && dataPicture.MatchString(to)
}

// labelled finds inputs that a screen reader could not name.
func labelled(t testing.TB, e *html.Node, all []*html.Node) {
	t.Helper()
	kind, _ := value(e, "type")
	if !slices.Contains([]atom.Atom{atom.Input, atom.Select, atom.Textarea}, e.DataAtom) || kind == "hidden" {
		return
	}
	if name, ok := value(e, "aria-label"); ok && name != "" {
		return
	}
	id, _ := value(e, "id")
	for _, l := range all {
		if of, ok := value(l, "for"); ok && id != "" && of == id && strings.TrimSpace(textIn(l)) != "" {
			return
		}
	}
	t.Errorf("got an input without a label: %v", e.Attr)
}

// described finds references to explanations that are not there.
func described(t testing.TB, e *html.Node, all []*html.Node) {
	t.Helper()
	ids, _ := value(e, "aria-describedby")
	for _, id := range strings.Fields(ids) {
		if !slices.ContainsFunc(all, func(n *html.Node) bool { v, _ := value(n, "id"); return v == id }) {
			t.Errorf("got no element with the id %q", id)
		}
	}
}

func uniqueIDs(t testing.TB, all []*html.Node) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range all {
		if id, ok := value(e, "id"); ok {
			if seen[id] {
				t.Errorf("got the id %q twice, want once", id)
			}
			seen[id] = true
		}
	}
}

// textIn is the text inside an element.
func textIn(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
