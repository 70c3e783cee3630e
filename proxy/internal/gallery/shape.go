package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// shaping are the attributes that say how a page is built, and not what it says.
var shaping = map[string]bool{"class": true, "type": true, "autocomplete": true, "role": true, "aria-invalid": true, "name": true, "readonly": true, "checked": true, "hidden": true}

// shape is how a page is built: the kinds of its elements, each where it comes
// first.
func shape(from io.Reader) (string, error) {
	z := html.NewTokenizer(from)
	var parts []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return "", err
			}
			return strings.Join(parts, " "), nil
		case html.StartTagToken, html.SelfClosingTagToken:
			if m := mould(z.Token()); !slices.Contains(parts, m) {
				parts = append(parts, m)
			}
		}
	}
}

// mould is an element without its texts. A field's own name would make two
// forms of every two, so of those only the beginning counts.
func mould(k html.Token) string {
	out := k.Data
	for _, a := range k.Attr {
		if shaping[a.Key] {
			value, _, _ := strings.Cut(a.Val, ".")
			out += "[" + a.Key + "=" + value + "]"
		}
	}
	return out
}
