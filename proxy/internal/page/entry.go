package page

import (
	"html/template"
	"strings"
)

// An Entry is one field to type into. It is exported because templates can
// reach it by its name where it is embedded in a promptField.
type Entry struct {
	// ID is the element's, Name the name of the field that is sent, Label the
	// text above it.
	ID, Name, Label string
	// Type is the input's type, or textarea.
	Type, Value, Placeholder string
	// Autocomplete is the token of the HTML standard for password managers and
	// phones, InputMode the kind of keyboard, Class a class of the style sheet.
	Autocomplete, InputMode, Class string
	// Step is the step of a number or time.
	Step string
	// Hint is a message of ours, Help an administrator's HTML, sanitized.
	Hint string
	Help template.HTML
	// Wrong lists the errors of this field.
	Wrong              []string
	Required, ReadOnly bool
	// Exact turns off automatic capitals and spell checking.
	Exact bool
	// Focus is set on the one element that has the focus at first.
	Focus bool
	// Show is the label of the button that reveals the value; empty if there is
	// no such button.
	Show string
}

// Described lists the IDs of the elements that describe the field, for
// aria-describedby.
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

// focus sets the focus on the first entry with an error, else on the first
// empty one, else on the first.
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
