package page

import "net/url"

// A Form is what a visitor's browser sent.
type Form struct {
	url.Values
	// Files are the uploaded files by the name of their field.
	Files map[string]File
}

// A File is an uploaded file.
type File struct {
	// Type is the media type that the browser claims; it may be anything.
	Type string
	Body []byte
	// Limit is the limit in bytes that was exceeded; then Body is empty. Zero
	// means that the file was within the limit.
	Limit int64
}

// A Mistake is what a visitor should correct before authentik is asked. An
// empty Name means that nothing is wrong: the form only asked for the same
// challenge to be drawn differently.
type Mistake struct {
	// Name is the name of a message in the catalogue, Pairs its parameters.
	Name  string
	Pairs []any
	// Field is the field of the answer that the mistake is in, if any.
	Field string
}
