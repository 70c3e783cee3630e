package lateform

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

const (
	// maxKept is the maximum size of the names and values of a kept form, in
	// bytes.
	maxKept = 256 << 10
	// maxSent is the maximum size of a form with files, of which only the names
	// are kept.
	maxSent = 8 << 20
	// maxFields is the maximum number of fields of a form, and maxFiles that of
	// the files that are named.
	maxFields, maxFiles = 1000, 20
	maxFileName         = 100
)

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// errNotKept says that a page cannot hold the form as it is.
var errNotKept = errors.New("lateform: the form cannot be kept")

// A form is the part of a form that a page can keep.
type form struct {
	fields []page.Field
	files  []string // the names of files, whose content is not kept
	bounds bounds
	size   int
}

// bounds are the maximum size of a form's names and values, in bytes, and its
// maximum number of fields.
type bounds struct{ size, fields int }

// The bounds of a kept form, and of the form in the page that keeps it, which
// has longer names.
var (
	ofKept = bounds{maxKept, maxFields}
	ofPage = bounds{maxKept + maxFields*len(prefix) + maxSealed, maxFields + 1}
)

// add adds a field. HTML cannot contain NUL, and the page is in UTF-8.
func (f *form) add(name, value string) error {
	f.size += len(name) + len(value)
	if f.size > f.bounds.size || len(f.fields) >= f.bounds.fields ||
		!utf8.ValidString(name+value) || strings.ContainsRune(name+value, 0) {
		return errNotKept
	}
	f.fields = append(f.fields, page.Field{Name: name, Value: value})
	return nil
}

// read reads a form of a type that browsers send. It refuses text/plain: an
// application cannot distinguish such a form from other texts.
func read(contentType string, body io.Reader) (f form, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return form{}, errNotKept
	case kind == typeForm:
		return readPlain(body, ofKept)
	case kind == typeMultipart && params["boundary"] != "":
		return readParts(multipart.NewReader(body, params["boundary"]))
	default:
		return form{}, errNotKept
	}
}

// readPlain reads a form without files, in the order of its fields.
func readPlain(body io.Reader, within bounds) (f form, err error) {
	f.bounds = within
	text, err := io.ReadAll(body)
	if err != nil {
		return form{}, err
	}
	for pair := range strings.SplitSeq(string(text), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return form{}, errNotKept
		}
		if err := f.add(name, value); err != nil {
			return form{}, err
		}
	}
	return f, nil
}

// readParts reads a form that may have files.
func readParts(parts *multipart.Reader) (f form, err error) {
	f.bounds = ofKept
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return form{}, err
		}
		if _, isFile := params(part)["filename"]; isFile {
			if name := part.FileName(); name != "" && name != "." && len(f.files) < maxFiles {
				f.files = append(f.files, strings.ToValidUTF8(name[:min(len(name), maxFileName)], ""))
			}
			continue // the next part skips the rest
		}
		value, err := io.ReadAll(io.LimitReader(part, maxKept+1))
		if err != nil {
			return form{}, err
		}
		if err := f.add(part.FormName(), string(value)); err != nil {
			return form{}, err
		}
	}
}

func params(part *multipart.Part) map[string]string {
	_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	return params
}
