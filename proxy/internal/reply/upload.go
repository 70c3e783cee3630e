package reply

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

const (
	// maxSent is how much of a form with files is read, in bytes. Everything
	// beyond MaxForm is discarded: most browsers show a response only after
	// they have sent the whole body.
	maxSent = 64 << 20
	// busyAfter is how long a browser should wait before it sends a form again
	// because there was no room for it.
	busyAfter = 5 * time.Second
	// partWeight is the weight of a part in addition to its content, so that
	// the number of empty parts is bounded too.
	partWeight = 512
)

// errTooLarge says that a form is larger than allowed.
var errTooLarge = errors.New("proxy: the form is too large")

// An upload is a form with files that is being read. Files stay in memory: the
// size of the whole form is bounded, and its files go to authentik at once.
type upload struct {
	form  page.Form
	left  int64 // how many more bytes it may have
	parts int
}

// readUpload reads a form with files. A file that is too large is skipped. The
// rest of the form is read, so that its own page can tell the visitor.
func readUpload(r *http.Request, body io.Reader) (page.Form, error) {
	r.Body = io.NopCloser(body)
	parts, err := r.MultipartReader()
	if err != nil {
		return page.Form{}, err
	}
	u := &upload{form: page.Form{Values: url.Values{}, Files: map[string]page.File{}}, left: MaxForm}
	for err == nil {
		err = u.next(parts)
	}
	if err != io.EOF { //nolint:errorlint // A form that breaks off ends with an error that wraps it.
		return page.Form{}, fmt.Errorf("reading a form with files: %w", err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil { // the bytes after the last part
		return page.Form{}, err
	}
	chosen := map[string][]*multipart.FileHeader{}
	for name := range u.form.Files {
		chosen[name] = []*multipart.FileHeader{{}}
	}
	r.PostForm, r.MultipartForm = u.form.Values, &multipart.Form{Value: u.form.Values, File: chosen}
	return u.form, nil
}

// next reads one part of the form, and ends with io.EOF.
func (u *upload) next(parts *multipart.Reader) error {
	part, err := parts.NextPart()
	if err != nil {
		return err
	}
	if u.parts++; u.parts > maxNames {
		return errTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(part, max(u.left, 0)+1))
	if err != nil {
		return err
	}
	name, isFile, fits := part.FormName(), part.FileName() != "", int64(len(body)) <= u.left
	switch {
	case !fits && !isFile:
		return errTooLarge
	case !fits:
		u.form.Files[name] = page.File{Limit: MaxForm}
		_, err = io.Copy(io.Discard, part)
		return err
	case !isFile:
		u.form.Add(name, string(body))
	case len(body) > 0:
		u.form.Files[name] = page.File{Type: part.Header.Get("Content-Type"), Body: body}
	}
	u.left -= int64(len(body)+len(name)) + partWeight
	return nil
}
