package browser

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// The encodings of a form.
const (
	urlencoded = "application/x-www-form-urlencoded"
	withFiles  = "multipart/form-data"
)

// An item is one entry of a form: a value, or the content of a file.
type item struct {
	name, value string
	file        bool
}

// isFile reports whether an element is a field for a file.
func isFile(n *html.Node) bool {
	return n.Data == "input" && strings.EqualFold(value(n, "type"), "file")
}

// chosen is what a field for a file sends: the content that was filled in, or
// nothing.
func chosen(n *html.Node, fields Fields) item {
	return item{name: value(n, "name"), value: fields[value(n, "name")], file: true}
}

// encode returns the body of a form, and its Content-Type.
func encode(kind string, items []item) (body, header string, err error) {
	switch strings.ToLower(kind) {
	case "", urlencoded:
		return pairs(items), urlencoded, nil
	case withFiles:
		return parts(items)
	default:
		return "", "", fmt.Errorf("this browser cannot send the encoding %s of a form", kind)
	}
}

func pairs(items []item) string {
	var all []string
	for _, i := range items {
		if !i.file {
			all = append(all, url.QueryEscape(i.name)+"="+url.QueryEscape(i.value))
		}
	}
	return strings.Join(all, "&")
}

// parts writes each item as a part. The type of a file is found by its content,
// and a field without one sends a file without a name (HTML, "multipart form
// data").
func parts(items []item) (body, header string, err error) {
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	for _, i := range items {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", i.name)}}
		if i.file {
			name, kind := "", "application/octet-stream"
			if i.value != "" {
				name, kind = "file", http.DetectContentType([]byte(i.value))
			}
			h.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", i.name, name))
			h.Set("Content-Type", kind)
		}
		part, wrong := form.CreatePart(h)
		if wrong == nil {
			_, wrong = part.Write([]byte(i.value))
		}
		err = errors.Join(err, wrong)
	}
	err = errors.Join(err, form.Close())
	return out.String(), form.FormDataContentType(), err
}
