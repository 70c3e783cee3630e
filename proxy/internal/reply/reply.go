// Package reply reads what comes back from a challenge that was shown: forms of
// pages, and JSON of programs.
package reply

import (
	"errors"
	"mime"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// MaxForm bounds what a form may hold, in bytes, files included.
const MaxForm = 8 << 20

// A Reply is what comes back from a challenge that was shown: an answer, or one
// of the wishes that a page has buttons for.
type Reply struct {
	// Visit is the sealed visit, and Back the way back that stands beside it.
	Visit, Back string

	Again  bool   // to begin anew
	On     bool   // to see where the visit stands
	Flow   string // to go to another flow that the challenge offers, by its kind
	Source string // to sign in by one of the challenge's sources, by its index
	Offer  bool   // from a source back to the challenge that offers it
	Poll   bool   // to hear whether it is time to go on; a script of the page asks

	// Answer reads the answer to a challenge. A mistake is for the visitor to mend.
	Answer func(flowclient.Challenge) (flowclient.Answer, *page.Mistake)
}

var errBodyType = errors.New("proxy: the body is neither a form nor JSON")

// Read reads what a page or a program has sent. Nothing but its type says
// which it is: a form that another site can have a browser send is never JSON.
func Read(w http.ResponseWriter, r *http.Request) (Reply, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		return readDocument(http.MaxBytesReader(w, r.Body, MaxForm))
	case "application/x-www-form-urlencoded", "multipart/form-data":
	default:
		return Reply{}, errBodyType
	}
	form, err := readForm(w, r, kind)
	if err != nil {
		return Reply{}, err
	}
	return Reply{
		Visit: form.Get("visit"), Back: form.Get("to"),
		Again: form.Has("again"), On: form.Has("on"), Flow: form.Get("flow"), Source: form.Get("source"), Offer: form.Has("ways"), Poll: form.Has("poll"),
		Answer: func(c flowclient.Challenge) (flowclient.Answer, *page.Mistake) { return page.Read(c, form) },
	}, nil
}

// readForm reads a form of either kind.
func readForm(w http.ResponseWriter, r *http.Request, kind string) (page.Form, error) {
	if kind == "multipart/form-data" {
		r.Body = http.MaxBytesReader(w, r.Body, maxSent)
		return readUpload(r)
	}
	r.Body = http.MaxBytesReader(w, r.Body, MaxForm)
	err := r.ParseForm()
	return page.Form{Values: r.PostForm}, err
}
