package authentiktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func executorRoutes() []route {
	return []route{{"/api/v3/flows/executor/{slug}/", (*visit).execute}}
}

// execute is the flow executor: one request is one step of the session's plan.
func (v *visit) execute() *response {
	f, found := v.srv.flow(v.args["slug"])
	if !found {
		return v.notFound()
	}
	v.flow = f
	v.session.modified, v.session.begun = true, true
	res, err := v.dispatch()
	if err != nil {
		return v.broken()
	}
	res.framing = "SAMEORIGIN"
	return res
}

// dispatch finds the plan and the stage whose turn it is. Its error is an
// exception that authentik does not catch.
func (v *visit) dispatch() (*response, error) {
	params := parseQuery(v.query("query"))
	if err := v.resume(params); err != nil {
		return v.unplanned(err)
	}
	b, err := v.next()
	if err != nil {
		return nil, err
	}
	if b == nil {
		return v.finish()
	}
	v.binding = b
	res, err := v.handle()
	if err != nil {
		res = v.flowError(err)
	}
	res = v.converted(res)
	if res.allow == "" {
		res.allow = "GET, POST, HEAD, OPTIONS"
	}
	return res, nil
}

// resume continues the session's plan, or makes one. The query of the page
// replaces that of the previous request.
func (v *visit) resume(params query) error {
	v.restore(params)
	if v.session.plan != nil && v.session.plan.flow != v.flow.pk {
		v.cancel()
	}
	v.plan, v.session.params = v.session.plan, params
	if v.plan != nil {
		return nil
	}
	p, err := v.begin(nil)
	if err != nil {
		return err
	}
	v.plan, v.session.plan = p, p
	return nil
}

// unplanned answers if no plan could be made.
func (v *visit) unplanned(err error) (*response, error) {
	var na notApplicable
	if !errors.As(err, &na) {
		return v.finish()
	}
	login := v.flow.Designation == "" || v.flow.Designation == DesignationAuthentication
	if v.srv.dialect.doneWhenSignedIn && login && v.user.PK != 0 {
		return v.finish()
	}
	return v.refused(na)
}

// handle makes the checks of authentik's API framework, then calls the stage.
func (v *visit) handle() (*response, error) {
	if err := v.admitted(); err != nil {
		return nil, err
	}
	switch v.request.Method {
	case http.MethodGet:
		return v.binding.Stage.get(v)
	case http.MethodPost:
		return v.binding.Stage.post(v)
	case http.MethodHead:
		return &response{status: http.StatusMethodNotAllowed}, nil
	case http.MethodOptions:
		return v.described(), nil
	}
	return nil, fmt.Errorf("method %s is not allowed", v.request.Method)
}

func (v *visit) described() *response {
	return &response{status: http.StatusOK, api: true, json: object{
		"name":        "Flow Executor",
		"description": "Flow executor, passing requests to Stage Views",
		"renders":     []string{"application/json"},
		"parses":      []string{"application/json"},
	}}
}

// flowError is the challenge after an exception. Only administrators see the
// cause.
func (v *visit) flowError(err error) *response {
	c := object{"component": "ak-stage-flow-error", "request_id": v.id}
	if v.user.PK != 0 && v.srv.superuser(v.user) {
		c["error"], c["traceback"] = err.Error(), "Traceback (most recent call last):\n"
	}
	return &response{status: http.StatusOK, json: c}
}

// converted turns a redirect into a challenge, unless it leads exactly to the
// address of the request. Cookies of a converted redirect are lost, as in
// authentik.
func (v *visit) converted(res *response) *response {
	if res.location == "" || res.location == fullPath(v.request.URL) {
		return res
	}
	return &response{status: http.StatusOK, json: v.redirection(res.location, res.final)}
}

// redirection is the challenge that sends the browser elsewhere. It is final
// only if a finished flow leads there.
func (v *visit) redirection(to string, final bool) object {
	return v.leading(object{"component": "xak-flow-redirect"}, to, final)
}

// leading adds to a challenge where it leads.
func (v *visit) leading(c object, to string, final bool) object {
	c["to"] = to
	if v.srv.dialect.finalRedirect {
		c["final_redirect"] = final
	}
	return c
}

// redirect sends the visitor elsewhere.
func (v *visit) redirect(to string) (*response, error) {
	location, err := resolve(v.srv, to)
	if err != nil {
		return nil, err
	}
	return v.converted(&response{status: http.StatusFound, location: location}), nil
}

// finish ends the flow and sends the visitor to its target.
func (v *visit) finish() (*response, error) {
	if v.plan != nil {
		if to, ok := v.plan.context[contextRedirect].(string); ok {
			v.cancel()
			return v.leave(to)
		}
	}
	next, found := v.session.params.last("next")
	v.cancel()
	switch {
	case !found:
		return v.leave(v.srv.url("/"))
	case next != "" && !absolute(next):
		return v.leave(next)
	}
	return v.deny(v.text("Invalid next URL"))
}

// leave sends the visitor to the target of a finished flow.
func (v *visit) leave(to string) (*response, error) {
	location, err := resolve(v.srv, to)
	if err != nil {
		return nil, err
	}
	return v.converted(&response{status: http.StatusFound, location: location, final: true}), nil
}

// cancel deletes the session's plan and the application that it was for. The
// current request keeps its plan.
func (v *visit) cancel() {
	v.session.plan, v.session.params = nil, nil
	delete(v.session.data, dataApplication)
}

// body is the body of a POST as JSON. A body that cannot be read fails the CSRF
// check, so that the request counts as anonymous.
func (v *visit) body() (any, error) {
	body, err := v.parsed()
	if err != nil {
		v.user = User{}
	}
	return body, err
}

// parsed is the body as JSON. An empty body is an empty object, whatever the
// content type.
func (v *visit) parsed() (any, error) {
	raw, err := io.ReadAll(v.request.Body)
	if err != nil || len(raw) == 0 {
		return object{}, err
	}
	if t, _, _ := mime.ParseMediaType(v.request.Header.Get("Content-Type")); t != "application/json" {
		return nil, fmt.Errorf("unsupported media type %q", t)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var body any
	if err := d.Decode(&body); err != nil {
		return nil, fmt.Errorf("parsing the body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parsing the body: extra data")
	}
	return body, nil
}

// absolute reports whether an address names a host, which is not allowed in
// next.
func absolute(address string) bool {
	rest := address
	if i := strings.IndexAny(address, ":/?#"); i > 0 && address[i] == ':' {
		rest = address[i+1:]
	}
	rest, found := strings.CutPrefix(rest, "//")
	return found && rest != "" && !strings.ContainsRune("/?#", rune(rest[0]))
}

// views are Django's names of views that a redirect may lead to.
var views = map[string]string{
	"authentik_core:root-redirect": "/",
	"authentik_core:if-user":       "/if/user/",
	"authentik_core:if-admin":      "/if/admin/",
}

// resolve makes a Location of the name of a view, a path, or an address. Other
// words and dangerous schemes are errors.
func resolve(s *Server, to string) (string, error) {
	if path, ok := views[to]; ok {
		return s.url(path), nil
	}
	if !strings.ContainsAny(to, "/.") {
		return "", fmt.Errorf("there is no view named %q", to)
	}
	if scheme, _, ok := strings.Cut(to, ":"); ok && !strings.ContainsAny(scheme, "/?#") &&
		!slices.Contains([]string{"http", "https", "ftp"}, strings.ToLower(scheme)) {
		return "", fmt.Errorf("unsafe redirect to scheme %q", scheme)
	}
	return iri(to), nil
}

// iri escapes what is not allowed in an address, and nothing else.
func iri(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > 0x7e || c <= ' ' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func fullPath(u *url.URL) string {
	if u.RawQuery == "" {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + u.RawQuery
}
