package relay

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// A message is a request of the interface.
type message struct {
	body    []byte                     // nil for methods other than POST
	fields  map[string]json.RawMessage // the fields of an answer
	release func()                     // gives back the memory that the body has taken
}

// maxAPI is the maximum size, in bytes, of a request's body that is not an
// answer. The interface sends no such bodies.
const maxAPI = 1 << 10

// read reads the body of a POST. It refuses a body that is not an answer, or
// that authentik could read differently: the throttle must see the same answer
// as authentik.
func read(x *exchange.Exchange, t Target) (message, error) {
	if x.R.Method != http.MethodPost {
		return message{release: func() {}}, nil
	}
	limit := int64(maxAPI)
	if t.kind == executor {
		limit = reply.MaxForm
	}
	from := x.Body(limit)
	s := message{release: func() { _ = from.Close() }}
	body, err := io.ReadAll(from)
	if err != nil {
		return s, err
	}
	s.body = body // never nil, since ReadAll allocates
	if t.kind == executor {
		s.fields, err = reply.Object(s.body)
	}
	return s, err
}

var (
	errFlow = errors.New("authentik has not sent this visit to that flow")
	errForm = errors.New("authentik's interface sends only JSON, and only from this site's own pages")
)

// permit refuses requests that authentik would refuse from the browser itself:
// requests of other sites, forms, and flows to which the visit was not sent.
func (h *Handler) permit(r *http.Request, t Target) error {
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case r.Header.Get("Service-Worker") != "":
		return fault.New(fault.NotFound, errForm) // a service worker would outlive the sign-in
	case t.kind != page && site != "" && site != "same-origin" && site != "none":
		return fault.New(fault.CrossSite, errForm)
	case t.slug != "" && !t.visit.allows(t.slug):
		return fault.New(fault.NotAllowed, errFlow)
	}
	if r.Method != http.MethodPost {
		return nil
	}
	if err := h.Forgery.Check(r); err != nil {
		return fault.New(fault.CrossSite, err)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return fault.New(fault.BadRequest, errForm)
	}
	return nil
}

// send passes a request on.
func (h *Handler) send(x *exchange.Exchange, t Target, said message) (flowclient.RelayReply, error) {
	path := t.path
	if x.At.Asked.RawQuery != "" {
		path += "?" + x.At.Asked.RawQuery
	}
	return h.Authentik.Send(x.Context(), x.Visitor(t.visit.Cookies), flowclient.RelayRequest{Method: x.R.Method, Path: path, Header: x.R.Header, Body: said.body})
}
