package proxy

import (
	"errors"
	"mime"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// maxForm bounds what a form may hold, in bytes, files included.
const maxForm = 8 << 20

// A reply is what comes back from a question: an answer, or one of the wishes
// that a page has buttons for.
type reply struct {
	// visit is the sealed visit, and back the way back that stands beside it.
	visit, back string

	again  bool   // to begin anew
	on     bool   // to see where the visit stands
	flow   string // to go to another flow that the question offers, by its kind
	source string // to sign in by way of one of the question's sources, by its place
	ways   bool   // from a source back to the question that offers it
	poll   bool   // to hear whether it is time to go on; a script of the page asks

	// answer reads the answer to a question. A mistake is for the visitor to mend.
	answer func(flowclient.Challenge) (flowclient.Answer, *page.Mistake)
}

var errBodyType = errors.New("proxy: the body is neither a form nor JSON")

// readReply reads what a page or a program has sent. Nothing but its type says
// which it is: a form that another site can have a browser send is never JSON.
func readReply(w http.ResponseWriter, r *http.Request) (reply, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		return readDocument(http.MaxBytesReader(w, r.Body, maxForm))
	case "application/x-www-form-urlencoded", "multipart/form-data":
	default:
		return reply{}, errBodyType
	}
	form, err := readForm(w, r, kind)
	if err != nil {
		return reply{}, err
	}
	return reply{
		visit: form.Get("visit"), back: form.Get("to"),
		again: form.Has("again"), on: form.Has("on"), flow: form.Get("flow"), source: form.Get("source"), ways: form.Has("ways"), poll: form.Has("poll"),
		answer: func(c flowclient.Challenge) (flowclient.Answer, *page.Mistake) { return page.Read(c, form) },
	}, nil
}

// readForm reads a form of either kind.
func readForm(w http.ResponseWriter, r *http.Request, kind string) (page.Form, error) {
	if kind == "multipart/form-data" {
		r.Body = http.MaxBytesReader(w, r.Body, maxSent)
		return readUpload(r)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	return page.Form{Values: r.PostForm}, err
}
