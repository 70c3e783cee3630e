package reply

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

const (
	// maxDepth is the maximum depth of nested objects and arrays in a document,
	// and maxValues its maximum number of names and values. A large document of
	// small values would take a hundred times the time and memory of a long
	// text.
	maxDepth, maxValues = 32, 10_000
)

// The mistakes in a document. Their texts quote nothing of the document, which
// may contain a password.
var (
	errNoDocument = errors.New("proxy: the body is not a JSON object")
	errTwice      = errors.New("proxy: a name occurs twice in a JSON object")
	errManyValues = errors.New("proxy: the JSON object has too many names and values")
)

// Object reads a JSON object strictly: each name must occur once, since readers
// differ in which of two values they use.
func Object(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, errNoDocument
	}
	d := json.NewDecoder(bytes.NewReader(text))
	check := checker{d: d, left: maxValues}
	if err := check.value(0); err != nil {
		return nil, err
	}
	members, ok := readMembers(text)
	if !ok {
		return nil, errNoDocument
	}
	return members, nil
}

// A checker reads a document before it is decoded.
type checker struct {
	d    *json.Decoder
	left int // how many more names and values are allowed
}

// value reads one value.
func (c *checker) value(depth int) error {
	token, err := c.token()
	if err != nil {
		return err
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth++; depth > maxDepth {
		return errManyValues
	}
	names := map[any]bool{}
	for c.d.More() {
		if opening == '{' {
			name, err := c.token()
			switch {
			case err != nil:
				return err
			case names[name]:
				return errTwice
			}
			names[name] = true
		}
		if err := c.value(depth); err != nil {
			return err
		}
	}
	_, err = c.d.Token()
	return notWellFormed(err)
}

func (c *checker) token() (json.Token, error) {
	if c.left--; c.left < 0 {
		return nil, errManyValues
	}
	token, err := c.d.Token()
	return token, notWellFormed(err)
}

// notWellFormed returns an error without the decoder's message, which could
// quote the document.
func notWellFormed(err error) error {
	if err != nil {
		return errNoDocument
	}
	return nil
}

// readMembers reads a JSON object. ok is false for any other value, and for
// null.
func readMembers(text []byte) (members map[string]json.RawMessage, ok bool) {
	err := json.Unmarshal(text, &members)
	return members, err == nil && members != nil
}

// readText reads a JSON string. ok is false for any other value, and for null.
func readText(value json.RawMessage) (text string, ok bool) {
	err := json.Unmarshal(value, &text)
	return text, err == nil && value[0] == '"'
}
