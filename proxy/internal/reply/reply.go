// Package reply reads the replies to a challenge: forms from pages, and JSON
// from programs.
//
//   - reply.go: whether a reply is a form or JSON
//   - upload.go, document.go, object.go: how each is read
//   - asked.go: what an answer may contain
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
	// MaxForm is the maximum size of a form, in bytes, with its files.
	MaxForm = 8 << 20
	// maxPlain is the maximum size of a form without files. Most of it is the
	// sealed visit, which has the pictures that authentik put into its
	// challenge.
	maxPlain = 1 << 20
	// maxNames is the maximum number of fields of a form, and of parts of a
	// form with files.
	maxNames = 1000
)

// A Reply is the reply to a challenge: an answer, or a wish. Pages have buttons
// for the wishes.
type Reply struct {
	// Visit is the sealed visit, and Back the way back that is sent with it.
	Visit, Back string

	Again  bool   // the visitor wants to begin again
	On     bool   // wants to see the present challenge of the visit
	Flow   string // wants another flow that the challenge offers, named by its kind
	Source string // wants to sign in with a source of the challenge, named by its index
	Offer  bool   // wants to leave a source and return to the challenge that offers it
	Poll   bool   // asks whether to continue; a script of the page polls

	// Answer reads the answer to a challenge. The mistake is one that the
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
	// Begun says that the request has a visit's cookie. Without the cookie no
	// reply can be an answer, and only a form's way back is read.
	Begun bool
}

// Read reads a reply. Only the media type decides whether it is a form or JSON:
// a form that another site makes a browser send is never JSON. release must be
// called when the reply is no longer needed.
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

// options returns the limits for a body of a media type.
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
