package page

import (
	"html/template"
	"strings"
)

// An Entry is one thing to type, as the templates draw it.
type Entry struct {
	// ID is that of the element, Name that of the field that is sent, Label what
	// stands above it.
	ID, Name, Label string
	// Type is that of the input; textarea stands for itself.
	Type, Value, Placeholder string
	// Autocomplete is the token of the HTML standard that password managers
	// and telephones go by, InputMode the keyboard of a telephone, Class the
	// element's class in the style sheet.
	Autocomplete, InputMode, Class string
	// Step is between the values that a browser's own field offers.
	Step string
	// Hint is a sentence of ours, Help an administrator's HTML, cleaned.
	Hint string
	Help template.HTML
	// Wrong is what was wrong with what was sent.
	Wrong              []string
	Required, ReadOnly bool
	// Exact keeps telephones from correcting what is typed.
	Exact bool
	// Focus is set on the one element at which the page begins.
	Focus bool
	// Show is what the button says that shows what is typed; without it there is none.
	Show string
}

// Described names the elements that explain the input, for aria-describedby.
func (e Entry) Described() string {
	var ids []string
	if e.Help != "" {
		ids = append(ids, e.ID+"-help")
	}
	if e.Hint != "" {
		ids = append(ids, e.ID+"-hint")
	}
	if len(e.Wrong) > 0 {
		ids = append(ids, e.ID+"-wrong")
	}
	return strings.Join(ids, " ")
}

// focus picks the one entry the page begins at: the first that is wrong, else
// the first that can be typed in and is empty, else the first of all.
func focus(entries ...*Entry) {
	var best *Entry
	for _, e := range entries {
		if best == nil || rank(e) > rank(best) {
			best = e
		}
	}
	if best != nil {
		best.Focus = true
	}
}

func rank(e *Entry) int {
	switch {
	case len(e.Wrong) > 0:
		return 3
	case e.Value == "" && !e.ReadOnly:
		return 2
	case !e.ReadOnly:
		return 1
	default:
		return 0
	}
}
