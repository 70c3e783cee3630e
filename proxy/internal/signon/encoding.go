package signon

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// The encodings of forms that the gate knows.
const (
	urlencoded = "application/x-www-form-urlencoded"
	multiparts = "multipart/form-data"
)

const utf8Name = "utf-8"

// asText returns a page in UTF-8, and the encoding in which it was written, as
// browsers detect it.
func asText(page []byte, contentType string) (text []byte, name string, err error) {
	e, name, _ := charset.DetermineEncoding(page, contentType)
	if name == utf8Name {
		return page, name, nil
	}
	text, err = e.NewDecoder().Bytes(page)
	if err != nil {
		return nil, "", fmt.Errorf("reading the page as %s: %w", name, err)
	}
	return text, name, nil
}

// charsetOf returns the encoding in which browsers send a form: the first that
// the form accepts, or that of the page.
func (f *loginForm) charsetOf(page string) (e encoding.Encoding, name string) {
	for _, label := range append(strings.Fields(f.accepts), page) {
		e, err := htmlindex.Get(label)
		if err != nil {
			continue
		}
		name, err := htmlindex.Name(e)
		if err != nil || name == "replacement" || strings.HasPrefix(name, "utf-16") {
			break
		}
		return e, name
	}
	return nil, utf8Name
}

// encode returns the body of a form with these fields, and its content type. It
// fails if the encoding cannot represent a character of the name or the
// password. In other fields such characters are sent as browsers send them.
func (f *loginForm) encode(fields url.Values, page string, exact ...string) (body []byte, contentType string, err error) {
	e, name := f.charsetOf(page)
	written := func(text string) string { return text }
	if name != utf8Name {
		for _, text := range exact {
			if _, err := e.NewEncoder().String(text); err != nil {
				return nil, "", fmt.Errorf("the form is sent as %s, which lacks characters of the name or of the password", name)
			}
		}
		written = func(text string) string {
			out, _ := encoding.HTMLEscapeUnsupported(e.NewEncoder()).String(text) // then every character can be written
			return out
		}
	}
	sent := url.Values{}
	for key, values := range fields {
		for _, value := range values {
			if key == "_charset_" && value == "" {
				value = name
			}
			sent.Add(written(key), written(value))
		}
	}
	if f.encoding == multiparts {
		return asParts(sent)
	}
	return []byte(sent.Encode()), urlencoded, nil
}

// asParts encodes fields as multipart/form-data (RFC 7578).
func asParts(fields url.Values) (body []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	quoted := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A") // as browsers do
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + quoted.Replace(key) + `"`}}
		for _, value := range fields[key] {
			part, failed := w.CreatePart(header)
			if failed == nil {
				_, failed = part.Write([]byte(value))
			}
			err = errors.Join(err, failed)
		}
	}
	err = errors.Join(err, w.Close())
	return b.Bytes(), w.FormDataContentType(), err
}
