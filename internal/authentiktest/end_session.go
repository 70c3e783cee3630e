package authentiktest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func endSessionRoutes() []route {
	return []route{{"/application/o/{slug}/end-session/", (*visit).endSession}}
}

// endSession is the end-session endpoint (OpenID Connect RP-Initiated Logout
// 1.0).
func (v *visit) endSession() *response {
	careful := v.srv.dialect.endsCarefully
	if v.request.Method == http.MethodPost {
		if !v.genuine() {
			return v.forbiddenPage()
		}
		if !careful {
			return &response{status: http.StatusMethodNotAllowed, allow: "GET, HEAD, OPTIONS"}
		}
	}
	p, app, found := v.provided()
	if !found {
		return v.notFound()
	}
	if refusal := v.mayUse(app, ""); refusal != nil {
		return refusal
	}
	if !careful {
		return v.invalidate(p, app, "", nil)
	}
	if v.session.plan != nil {
		return &response{
			status: http.StatusOK, page: &page{Words: []string{"Logout successful"}},
			header: http.Header{"Content-Type": {"text/html"}},
		}
	}
	to, err := v.logoutTarget(p, app)
	frames := v.frames(p.ClientID)
	switch {
	case errors.Is(err, errLogout):
		return v.badRequest("Bad Request", oauthErrors["invalid_request"])
	case err != nil:
		return v.broken()
	case to != "" || p.BackchannelURI != "" || v.srv.dialect.logoutChecked:
		v.endTokens(p)
	}
	return v.invalidate(p, app, to, frames)
}

// endTokens deletes the access tokens of a client in the session and tells the
// client once, so that it is not told again when the session ends.
func (v *visit) endTokens(p Provider) {
	var last *grant
	v.srv.grants.drop(func(_ string, g grant) bool {
		theirs := g.client == p.ClientID && g.session == v.session.id && !g.refresh
		if theirs && v.srv.now().Before(g.until) {
			last = &g
		}
		return theirs
	})
	if last != nil {
		v.srv.notify(*last, v.session.id)
	}
}

// logoutTarget returns where the browser goes after the logout: to the address
// that the client asks for if it is registered, else "".
func (v *visit) logoutTarget(p Provider, app Application) (string, error) {
	get := v.query
	if v.request.Method == http.MethodPost {
		get = v.request.PostFormValue
	}
	to, state := get("post_logout_redirect_uri"), get("state")
	if v.srv.dialect.logoutChecked {
		if err := v.checkLogout(p, app, to, get("id_token_hint")); err != nil {
			return "", err
		}
	}
	if scheme, _, _ := strings.Cut(to, ":"); slices.Contains([]string{"javascript", "data", "vbscript"}, scheme) {
		return "", errRaised
	}
	if !slices.Contains(p.LogoutURIs, to) {
		return "", nil
	}
	if state != "" {
		to += "?state=" + strings.ReplaceAll(url.QueryEscape(state), "+", "%20")
	}
	return to, nil
}

// errLogout is a logout request that authentik answers with a page of status
// 400.
var errLogout = errors.New("the logout request is malformed")

// checkLogout checks a logout request. The hint must be an ID token of this
// client from the issuer that this request sees, expired or not. If the
// provider has a logout address, an address in the request must be one of these
// and needs a hint.
func (v *visit) checkLogout(p Provider, app Application, to, hint string) error {
	if hint != "" && !v.issuedHere(p, app, hint) {
		return errLogout
	}
	if to != "" && len(p.LogoutURIs) > 0 && (hint == "" || !slices.Contains(p.LogoutURIs, to)) {
		return errLogout
	}
	return nil
}

// invalidate runs the provider's invalidation flow.
func (v *visit) invalidate(p Provider, app Application, to string, frames []object) *response {
	last, context := farewells(frames, nil)
	context[contextApp] = app
	last = append(last, &sessionEnd{app: app, to: to})
	if res := v.start(p.InvalidationFlow, context, last...); res != nil {
		return res
	}
	return v.moved(v.flowLocation())
}

// A sessionEnd tells visitors that they are signed out of an application, and
// offers to sign them out of authentik. Visitors who are not signed in there
// are sent to authentik's start page.
type sessionEnd struct {
	app Application
	to  string
}

func (s *sessionEnd) get(v *visit) (*response, error) {
	to := s.to
	if to == "" && v.user.PK == 0 {
		to = v.srv.url("/")
	}
	if to != "" {
		return v.ask(v.leading(v.challenge("xak-flow-redirect"), to, false))
	}
	c := v.userChallenge("ak-stage-session-end")
	c["application_name"], c["application_launch_url"] = s.app.Name, s.app.LaunchURL
	c["brand_name"] = v.brand.title()
	if slug := v.brand.FlowInvalidation; slug != "" {
		c["invalidation_flow_url"] = v.srv.url("/if/flow/" + slug + "/")
	}
	if v.srv.dialect.overviewURL {
		c["overview_url"] = v.address(v.srv.url("/"))
	}
	return v.ask(c)
}

// post fails: the stage has no answer.
func (s *sessionEnd) post(*visit) (*response, error) { return nil, errNoAnswer }

var errNoAnswer = errors.New("the stage takes no answer")

// frames are the front-channel logout addresses of the clients that have tokens
// of the session, or of one client.
func (v *visit) frames(only string) []object {
	urls := []object{}
	for _, id := range v.srv.grants.clients(v.session.id) {
		p, app, found := v.srv.client(id)
		if !found || p.LogoutURI == "" || only != "" && only != id || !v.srv.dialect.frontchannel {
			continue
		}
		urls = append(urls, object{
			"url": v.logoutAddress(p, app), "provider_name": p.Name, "binding": "redirect",
			"saml_request": nil, "saml_response": nil, "saml_relay_state": nil,
		})
	}
	return urls
}

// logoutAddress is the front-channel logout address of a client for this
// session (OpenID Connect Front-Channel Logout 1.0).
func (v *visit) logoutAddress(p Provider, app Application) string {
	base, own, _ := strings.Cut(p.LogoutURI, "?")
	q := query{{"iss", v.issuer(p, app)}, {"sid", sidOf(v.session.id)}}
	if own != "" {
		own = "&" + own
	}
	return base + "?" + q.encode() + own
}

// A logoutFrames has the browser load the logout pages of applications. A
// second challenge lists none.
type logoutFrames struct{}

func (s *logoutFrames) get(v *visit) (*response, error) {
	urls, _ := v.plan.context[contextFrames].([]object)
	v.plan.context[contextFrames] = []object(nil)
	c := v.challenge("ak-provider-iframe-logout")
	c["logout_urls"] = append([]object{}, urls...)
	return v.ask(c)
}

func (s *logoutFrames) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	if f.failed() {
		return v.refuse(object{}, f.errs)
	}
	return v.solved()
}
