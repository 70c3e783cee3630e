// Package reply reads the replies to a challenge: forms from pages, and JSON
// from programs.
//
//   - reply.go: which of the two a reply is
//   - upload.go, document.go, object.go: how each is read
//   - asked.go: what an answer may hold
//   - proof.go: what an answer proves
package reply

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

const (
	// MaxForm bounds what a form may hold, in bytes, files included.
	MaxForm = 8 << 20
	// maxPlain bounds a form without files. Most of one is the sealed visit, with
	// the pictures that authentik has put into its challenge.
	maxPlain = 1 << 20
	// maxNames bounds the fields of a form and the parts of one with files.
	maxNames = 1000
)

// A Reply is the reply to a challenge: an answer, or one of the wishes that a
// page has buttons for.
type Reply struct {
	// Visit is the sealed visit, and Back the way back beside it.
	Visit, Back string

	Again  bool   // to begin again
	On     bool   // to see where the visit stands
	Flow   string // to go to another flow that the challenge offers, by its kind
	Source string // to sign in by one of the challenge's sources, by its index
	Offer  bool   // from a source back to the challenge that offers it
	Poll   bool   // to learn whether to continue; a script of the page polls

	// Answer reads the answer to a challenge. A mistake is something that the
	// visitor has to correct.
	Answer func(flowclient.Challenge) (flowclient.Answer, *page.Mistake)
}

var (
	errBodyType = errors.New("proxy: the body is neither a form nor JSON")
	errNoVisit  = errors.New("proxy: the browser has not sent the visit's cookie")
)

// A Sender is the client that sends a reply.
type Sender struct {
	Room   *intake.Room
	Client netip.Addr
	// Begun says that the request has a visit's cookie. Without a visit's cookie
	// no reply can be an answer, and only a form's way back is read.
	Begun bool
}

// Read reads what a page or a program has sent. Only the media type decides
// which it is: a form that another site can make a browser send is never JSON.
// release has to be called when the reply is no longer needed.
func Read(w http.ResponseWriter, r *http.Request, from Sender) (said Reply, release func(), err error) {
	kind := mediaType(r)
	body := intake.Open(w, r, from.options(kind))
	release = func() { _ = body.Close() }
	said, err = read(r, body, kind, from.Begun)
	if !from.Begun && errors.Is(err, intake.ErrTooLarge) {
		err = errors.Join(errNoVisit, err)
	}
	return said, release, err
}

func mediaType(r *http.Request) string {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind
}

const (
	typeJSON      = "application/json"
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// options returns how a body of a media type is read.
func (s Sender) options(kind string) intake.Options {
	o := intake.Options{Room: s.Room, Client: s.Client, Limit: maxPlain}
	switch {
	case !s.Begun:
		o.Limit = intake.Small
	case kind == typeJSON:
		o.Limit = MaxForm
	case kind == typeMultipart:
		o.Limit, o.Held = maxSent, MaxForm
	}
	return o
}

func read(r *http.Request, body io.Reader, kind string, begun bool) (Reply, error) {
	switch kind {
	case typeJSON:
		if !begun {
			return Reply{}, errNoVisit
		}
		return readDocument(body)
	case typeForm, typeMultipart:
	default:
		return Reply{}, errBodyType
	}
	form, err := readForm(r, body, kind)
	if err != nil {
		return Reply{}, err
	}
	return Reply{
		Visit: form.Get("visit"), Back: form.Get("to"),
		Again: form.Has("again"), On: form.Has("on"), Flow: form.Get("flow"), Source: form.Get("source"), Offer: form.Has("ways"), Poll: form.Has("poll"),
		Answer: func(c flowclient.Challenge) (flowclient.Answer, *page.Mistake) { return page.Read(c, form) },
	}, nil
}

// readForm reads a form of either kind. The next page reads it from the
// request.
func readForm(r *http.Request, body io.Reader, kind string) (page.Form, error) {
	if kind == typeMultipart {
		return readUpload(r, body)
	}
	values, err := Form(body)
	r.PostForm = values
	return page.Form{Values: values}, err
}

// Form reads a form without files. If the form is malformed, it returns the
// fields that could be read.
func Form(body io.Reader) (url.Values, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if strings.Count(string(text), "&") >= maxNames {
		return nil, errTooLarge
	}
	return url.ParseQuery(string(text))
}

// Posted returns the fields of a request with a small form. Without a form in
// the body it returns no fields.
func Posted(r *http.Request, body *intake.Body) (url.Values, error) {
	defer body.Close() //nolint:errcheck // It only gives back room.
	if mediaType(r) != typeForm {
		return url.Values{}, nil
	}
	return Form(body)
}

// Unreadable returns the failure of a form or document that could not be read.
func Unreadable(err error) *fault.Error {
	switch {
	case errors.Is(err, errNoVisit):
		return fault.New(fault.VisitLost, err)
	case errors.Is(err, intake.ErrBusy):
		e := fault.New(fault.Busy, err)
		e.RetryAfter = busyAfter
		return e
	case errors.Is(err, intake.ErrTooLarge), errors.Is(err, errTooLarge):
		return fault.New(fault.TooLarge, err)
	default:
		return fault.New(fault.BadRequest, err)
	}
}
