package authentiktest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func oidcRoutes() []route {
	return slices.Concat([]route{
		{"/application/o/authorize/", (*visit).authorize},
	}, tokenRoutes(), deviceGrantRoutes(), endSessionRoutes(), impersonationRoutes(), metadataRoutes())
}

// An authorization is an authorization request of a client.
type authorization struct {
	provider Provider
	app      Application

	redirect, responseType, responseMode string
	state, nonce, challenge, method      string
	hint                                 string
	scopes, prompt                       []string
	maxAge                               int
}

// A badRequest is an error that is shown to the visitor, since telling the
// client would not be safe.
type badRequest struct{ title, description string }

func (badRequest) Error() string { return "bad request" }

// An authorizeError is an error that the client is told, through the browser.
type authorizeError struct {
	redirect, code, description, state string
	fragment                           bool
}

func (e authorizeError) Error() string { return e.code }

// location is the address that tells the error.
func (e authorizeError) location() string {
	mark := "?"
	if e.fragment {
		mark = "#"
	}
	description := e.description
	if description == "" {
		description = oauthErrors[e.code]
	}
	to := e.redirect + mark + "error=" + e.code + "&error_description=" + quote(description)
	if e.state != "" {
		to += "&state=" + e.state
	}
	return iri(to)
}

// authorize is the authorization endpoint.
func (v *visit) authorize() *response {
	if v.request.Method != http.MethodGet {
		return v.forbiddenPage()
	}
	if v.request.URL.RawQuery == "" {
		return v.notFound()
	}
	if locale := v.uiLocale(); locale != "" {
		v.lang = locale
	}
	a, err := v.authorization()
	if err == nil && slices.Contains(a.prompt, "none") && v.user.PK == 0 {
		err = a.fail("login_required", "")
	}
	var res *response
	if err != nil {
		res = v.unauthorized(err)
	} else {
		res = v.grantAuthorization(a)
	}
	return v.speaking(res)
}

// speaking makes the browser remember the language that the client asked for.
func (v *visit) speaking(res *response) *response {
	if locale := v.uiLocale(); locale != "" && res.status < http.StatusInternalServerError {
		res.cookies = append(res.cookies, v.cookie(&http.Cookie{Name: cookieLanguage, Value: locale}))
	}
	return res
}

// unauthorized answers an authorization request that is wrong.
func (v *visit) unauthorized(err error) *response {
	var wrong badRequest
	if errors.As(err, &wrong) {
		return v.badRequest(wrong.title, wrong.description)
	}
	var refused authorizeError
	if errors.As(err, &refused) {
		return v.moved(refused.location())
	}
	return v.broken()
}

// authorization parses and checks the request of a client.
func (v *visit) authorization() (*authorization, error) {
	q := parseQuery(v.request.URL.RawQuery)
	get := func(name string) string { value, _ := q.last(name); return value }
	a := &authorization{
		redirect: get("redirect_uri"), responseType: get("response_type"), responseMode: get("response_mode"),
		state: get("state"), nonce: get("nonce"), challenge: get("code_challenge"), method: get("code_challenge_method"),
		hint: get("login_hint"), scopes: strings.Fields(get("scope")), prompt: strings.Fields(get("prompt")),
	}
	if age := get("max_age"); age != "" {
		n, err := strconv.Atoi(age)
		if err != nil {
			return nil, err
		}
		a.maxAge = n
	}
	var found bool
	if a.provider, a.app, found = v.srv.client(get("client_id")); !found {
		return nil, badRequest{"Client ID Error", "The client identifier (client_id) is missing or invalid."}
	}
	_, object := q.last("request")
	if err := a.check(object); err != nil {
		return a, err
	}
	if !v.srv.grantsBy(a.provider, a.grantType()) {
		return a, a.fail("invalid_request", "")
	}
	return a, nil
}

// grantType is the grant type that the response type belongs to.
func (a *authorization) grantType() string {
	switch {
	case a.responseType == "code":
		return "authorization_code"
	case a.issues("code"):
		return "hybrid"
	}
	return "implicit"
}

// check returns what is wrong with the request, security first.
func (a *authorization) check(object bool) error {
	if !slices.Contains(a.provider.RedirectURIs, a.redirect) {
		return badRequest{
			"Redirect URI Error",
			"The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri).",
		}
	}
	if object {
		return a.fail("request_not_supported", "")
	}
	if !slices.Contains(responseTypes, a.responseType) {
		return a.fail("unsupported_response_type", "")
	}
	a.settle()
	if a.nonce == "" && strings.Contains(a.responseType, "id_token") {
		return a.fail("invalid_request", "")
	}
	if a.challenge != "" && a.method != "plain" && a.method != "S256" {
		return a.fail("invalid_request", "Unsupported challenge method "+a.method)
	}
	return nil
}

// settle fills in what follows from the rest of the request.
func (a *authorization) settle() {
	a.scopes = a.provider.granted(a.scopes)
	if !a.issues("code") {
		a.scopes = slices.DeleteFunc(a.scopes, func(s string) bool { return s == scopeOffline })
	}
	if a.method == "" {
		a.method = "plain"
	}
	if !slices.Contains(responseModes, a.responseMode) {
		a.responseMode = "query"
		if a.responseType != "code" {
			a.responseMode = "fragment"
		}
	}
}

// issues reports whether the response contains a code, an ID token or an access
// token.
func (a *authorization) issues(thing string) bool {
	return slices.Contains(strings.Fields(a.responseType), thing)
}

func (a *authorization) fail(code, description string) error {
	return authorizeError{
		redirect: a.redirect, code: code, description: description, state: a.state,
		fragment: slices.Contains(responseTypes, a.responseType) && a.responseType != "code",
	}
}

// grantAuthorization runs the authorization flow for a visitor who is signed
// in, recently enough, and may use the application. Others are sent to the
// login or refused.
func (v *visit) grantAuthorization(a *authorization) *response {
	if refusal := v.mayUse(a.app, a.hint); refusal != nil {
		return refusal
	}
	if v.stale(a) {
		return v.login(a.app, a.hint)
	}
	var last []Stage
	if slices.Contains(a.prompt, "consent") && !v.srv.consents(a.provider.AuthorizationFlow) {
		last = append(last, &ConsentStage{Mode: ConsentAlways})
	}
	context := v.consentContext(a.provider, a.app, a.scopes)
	if res := v.start(a.provider.AuthorizationFlow, context, append(last, &fulfilment{a})...); res != nil {
		return res
	}
	if a.responseMode == "form_post" || len(v.plan.steps) > 1 {
		return v.moved(v.flowLocation())
	}
	v.cancel()
	return v.moved(v.responseURI(a))
}

// stale reports whether the visitor must sign in again. prompt=login is
// satisfied by a login after the first request with it, and by one that max_age
// has asked for.
func (v *visit) stale(a *authorization) bool {
	l, _ := v.session.data[dataLogin].(login)
	if a.maxAge > 0 && v.srv.now().Sub(l.at).Seconds() > float64(a.maxAge) {
		v.session.data[dataRelogin], v.session.modified = l.id, true
		return true
	}
	if !slices.Contains(a.prompt, "login") {
		return false
	}
	if last, found := v.session.data[dataRelogin]; found && last != l.id {
		return false
	}
	v.session.data[dataRelogin] = l.id
	return true
}

// consents reports whether a flow has its own consent stage.
func (s *Server) consents(slug string) bool {
	f, found := s.flow(slug)
	return found && slices.ContainsFunc(f.Bindings, func(b Binding) bool {
		_, ok := b.Stage.(*ConsentStage)
		return ok
	})
}

var (
	responseTypes = []string{"code", "id_token", "id_token token", "code token", "code id_token", "code id_token token"}
	responseModes = []string{"query", "fragment", "form_post"}
)

// A fulfilment is the last stage of an authorization: it answers the client.
type fulfilment struct{ *authorization }

func (s *fulfilment) get(v *visit) (*response, error) {
	if s.responseMode != "form_post" {
		return &response{status: http.StatusFound, location: v.responseURI(s.authorization)}, nil
	}
	attrs := object{}
	for _, p := range v.respond(s.authorization) {
		attrs[p.key] = p.value
	}
	return v.ask(object{
		"component": "ak-stage-autosubmit", "url": s.redirect, "attrs": attrs, "title": "Redirecting to " + s.app.Name + "...",
	})
}

func (s *fulfilment) post(v *visit) (*response, error) { return s.get(v) }

// responseURI is the address that carries code and tokens to the client.
func (v *visit) responseURI(a *authorization) string {
	mark := "?"
	if a.responseMode == "fragment" {
		mark = "#"
	}
	return a.redirect + mark + v.respond(a).encode()
}

// respond issues what the client has asked for.
func (v *visit) respond(a *authorization) (q query) {
	add := func(name, value string) { q = append(q, parameter{name, value}) }
	g := v.newGrant(a)
	code := ""
	g.hashed = a.issues("token")
	if a.issues("code") {
		code = v.srv.grants.keepCode(g)
		g.beside = code
	}
	if strings.Contains(a.responseType, "token") {
		issued := v.issue(a.provider, a.app, g)
		if a.issues("token") {
			add("access_token", issued.access)
		}
		if a.issues("id_token") {
			add("id_token", issued.id)
		}
	}
	if code != "" {
		add("code", code)
	}
	if a.responseType != "code" {
		add("token_type", "Bearer")
		add("expires_in", strconv.Itoa(int(a.provider.AccessValidity.Seconds())))
	}
	if a.state != "" {
		add("state", a.state)
	}
	return q
}
