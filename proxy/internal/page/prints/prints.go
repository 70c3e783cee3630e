// Package prints keeps pages that were drawn once for many visitors. What
// differs between the visitors is a gap. The package does not know what the
// pages are.
package prints

import (
	"crypto/rand"
	"strings"
)

// Marks returns n texts to draw into the gaps of a page; New finds the gaps by
// them. They are random, so that no other text of the page can be a mark. They
// have only letters and digits, which HTML never escapes.
func Marks(n int) []string {
	marks := make([]string, n)
	for i := range marks {
		marks[i] = rand.Text()
	}
	return marks
}

// A Print is a page with gaps. Each gap is the value of a quoted attribute.
type Print struct {
	parts  []string // the texts between the gaps
	gaps   []int    // the index of the mark in each gap; one less than parts
	length int      // the size of all parts
}

// New returns the print of a page that was drawn with marks.
func New(page string, marks []string) *Print {
	p := new(Print)
	for {
		at, which := len(page), -1
		for i, mark := range marks {
			if found := strings.Index(page[:min(len(page), at+len(mark))], mark); found >= 0 {
				at, which = found, i
			}
		}
		p.parts, p.length = append(p.parts, page[:at]), p.length+at
		if which < 0 {
			return p
		}
		p.gaps, page = append(p.gaps, which), page[at+len(marks[which]):]
	}
}

// attribute escapes a value as html/template does in a quoted attribute.
var attribute = strings.NewReplacer("\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")

// Fill returns the page with a value for each mark in the gaps.
func (p *Print) Fill(values ...string) []byte {
	length := p.length
	for i, value := range values {
		values[i] = attribute.Replace(value)
	}
	for _, which := range p.gaps {
		length += len(values[which])
	}
	page := make([]byte, 0, length)
	for i, part := range p.parts {
		page = append(page, part...)
		if i < len(p.gaps) {
			page = append(page, values[p.gaps[i]]...)
		}
	}
	return page
}
