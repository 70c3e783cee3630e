package main

import (
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// shaping are the attributes that decide how an element looks, and not what its
// text is.
var shaping = map[string]bool{"class": true, "type": true, "autocomplete": true, "role": true, "aria-invalid": true, "name": true, "readonly": true, "checked": true, "hidden": true}

// moulds returns the kinds of a page's elements, each combined with the kind of
// the element before it: an element can look right by itself and wrong after
// another.
func moulds(from io.Reader) (map[string]bool, error) {
	z, all, last := html.NewTokenizer(from), map[string]bool{}, ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return nil, err
			}
			return all, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			m := mould(z.Token())
			all[last+" "+m] = true
			last = m
		}
	}
}

// mould returns the kind of an element: the element without its texts. Of a
// field's name only the beginning counts, since with full names all forms would
// differ.
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
