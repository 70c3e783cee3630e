package authentiktest

import (
	"bytes"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
)

// A response is an answer before it is written. At most one of json, page and
// html is set; a location makes it a redirect.
type response struct {
	status   int
	location string
	final    bool // a finished flow leads to the location
	json     any
	api      bool // json is an API answer, not a challenge
	page     *page
	html     []byte // a whole page
	allow    string
	framing  string      // X-Frame-Options; default: DENY
	header   http.Header // more, or other, headers
	cookies  []*http.Cookie
	bare     http.Header // all headers, besides content type and location
}

// A page is authentik's HTML, reduced to what clients can tell apart.
type page struct {
	Title, Icon, Marker string
	Words               []string
	Form                bool // it has a form
}

var pages = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html><head><title>{{.Title}}</title>
{{- with .Icon}}<link rel="icon" href="{{.}}">{{end}}
{{- with .Marker}}<meta name="description" content="{{.}}">{{end}}</head><body>
{{- range .Words}}<p>{{.}}</p>{{end}}
{{- if .Form}}<form method="POST"></form>{{end}}</body></html>
`))

// write sends the answer. The session is saved first, so that the answer is
// true.
func (v *visit) write(w http.ResponseWriter, res *response) {
	if res.status < http.StatusInternalServerError {
		if v.session.modified && !v.session.blank() && !v.srv.save(v.session) {
			res = v.page(http.StatusBadRequest, "Bad Request")
		}
		for _, c := range append(res.cookies, v.cookies()...) {
			http.SetCookie(w, c)
		}
	}
	v.headers(w.Header(), res)
	w.WriteHeader(res.status)
	if v.request.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(res.body()); err != nil {
		return // the client has gone
	}
}

// body is the body as sent. A challenge that is not JSON is a mistake of its
// stage.
func (res *response) body() []byte {
	var b bytes.Buffer
	var err error
	switch {
	case res.html != nil:
		return res.html
	case res.json != nil:
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err = e.Encode(res.json)
	case res.page != nil:
		err = pages.Execute(&b, res.page)
	}
	if err != nil {
		panic("authentiktest: writing an answer: " + err.Error())
	}
	return b.Bytes()
}

func (v *visit) headers(h http.Header, res *response) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	if res.bare != nil {
		for name, values := range res.bare {
			h[name] = append(h[name], values...)
		}
		h.Set("Location", res.location)
		return
	}
	if res.json != nil {
		h.Set("Content-Type", "application/json")
	}
	if res.api {
		h.Set("Content-Type", v.srv.dialect.apiType)
	}
	if res.status == http.StatusNoContent {
		h.Del("Content-Type")
	}
	vary := "Accept-Language, Cookie"
	if v.rotated != "" {
		vary = "Cookie, Accept-Language"
	}
	h.Add("Vary", vary)
	h.Set("X-Frame-Options", or(res.framing, "DENY"))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Authentik-Id", v.id)
	h.Set("Content-Language", v.lang)
	maps.Copy(h, res.header)
	for name, value := range map[string]string{"Location": res.location, "Allow": res.allow} {
		if value != "" {
			h.Set(name, value)
		}
	}
}

// api is an answer of a read-only API view.
func (v *visit) api(status int, body any) *response {
	return &response{status: status, json: body, api: true, allow: "GET, HEAD, OPTIONS"}
}

// moved is a redirect outside the executor.
func (v *visit) moved(location string) *response {
	return &response{status: http.StatusFound, location: location}
}

// page is an error page of the brand.
func (v *visit) page(status int, what string) *response {
	return &response{status: status, page: &page{
		Title: v.brand.title(),
		Words: []string{what, v.text("Go home"), "Powered by authentik"},
		Form:  v.srv.dialect.errorForm,
	}}
}

// badRequest is the page of a request that authentik refuses with 400.
func (v *visit) badRequest(title, why string) *response {
	res := v.page(http.StatusBadRequest, title)
	res.page.Words = slices.Insert(res.page.Words, 1, why)
	return res
}

// notFound is the page of a path without a view. It is a read-only view itself.
func (v *visit) notFound() *response {
	switch v.request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return v.page(http.StatusNotFound, "Not Found")
	}
	return &response{status: http.StatusMethodNotAllowed, allow: "GET, HEAD, OPTIONS"}
}

// broken is the page after an exception that authentik does not catch.
func (v *visit) broken() *response {
	return v.page(http.StatusInternalServerError, "Server Error")
}
