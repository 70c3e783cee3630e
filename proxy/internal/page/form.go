package page

import "net/url"

// A Form is what a visitor's browser has sent.
type Form struct {
	url.Values
	// Files are those that were chosen, by the name of their field.
	Files map[string]File
}

// A File is one that the visitor has chosen.
type File struct {
	// Type is the media type that the browser gives; it may be anything.
	Type string
	Body []byte
	// Limit is set, in bytes, where there was more than that: then Body is empty.
	Limit int64
}

// A Mistake is what a visitor should mend before authentik is asked. Without a
// name nothing is wrong: the form only turned the page, and the same question is
// to be drawn again.
type Mistake struct {
	// Name is that of a sentence of the catalogue, and Pairs what the sentence
	// leaves open.
	Name  string
	Pairs []any
	// Field is the field of the answer it is about, if it is about one.
	Field string
}
