package authentiktest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// A SAMLProvider makes an application one that signs users in with SAML 2.0.
// Messages are not signed, which is authentik's default too.
type SAMLProvider struct {
	Name     string // default: the application's slug
	ACS      string // acs_url: where the response goes
	Audience string // default: Name
	Redirect bool   // sp_binding: the response goes in an address instead of a form

	SLS          string     // sls_url: the address for logouts
	SLSPost      bool       // sls_binding: logouts are sent in a form instead of an address
	LogoutMethod SAMLLogout // default: frontchannel_iframe

	// Slugs of flows; the defaults are those of every new authentik.
	AuthorizationFlow, InvalidationFlow string
}

// A SAMLLogout is how an application is told of a logout.
type SAMLLogout string

// The methods of authentik that use the browser.
const (
	SAMLLogoutIframe SAMLLogout = "frontchannel_iframe"
	SAMLLogoutNative SAMLLogout = "frontchannel_native"
)

// dataSAML lists the slugs of the applications that a session has been used
// for.
const dataSAML = "saml" // []string

func samlRoutes() []route {
	const sso, slo = "/application/saml/{slug}/sso/binding/", "/application/saml/{slug}/slo/binding/"
	return []route{
		{sso + "init/", (*visit).samlStart},
		{sso + "redirect/", (*visit).samlSignOn},
		{sso + "post/", (*visit).samlSignOn},
		{slo + "redirect/", (*visit).samlSignOff},
		{slo + "post/", (*visit).samlSignOff},
	}
}

// A samlSignOn is an application's request on its way through a flow.
type samlSignOn struct {
	app   Application
	id    string // of the request; empty if authentik started the sign-on
	relay string
}

// samlApplication finds the application in the address, if it has a SAML
// provider. The response is nil unless the visitor may not use it.
func (v *visit) samlApplication() (Application, *response) {
	app, found := v.srv.application(v.args["slug"])
	if !found || app.SAML == nil {
		return app, v.notFound()
	}
	return app.withSAML(), v.mayUse(app, "")
}

// withSAML fills in the defaults of the provider.
func (a Application) withSAML() Application {
	p := *a.SAML
	p.Name = or(p.Name, a.Slug)
	p.Audience = or(p.Audience, p.Name)
	p.LogoutMethod = or(p.LogoutMethod, SAMLLogoutIframe)
	p.AuthorizationFlow = or(p.AuthorizationFlow, "default-provider-authorization-implicit-consent")
	p.InvalidationFlow = or(p.InvalidationFlow, "default-provider-invalidation-flow")
	a.SAML = &p
	return a
}

// samlStart is a sign-on that authentik starts.
func (v *visit) samlStart() *response {
	app, refusal := v.samlApplication()
	if refusal != nil {
		return refusal
	}
	return v.samlPlan(&samlSignOn{app: app})
}

// samlSignOn accepts an application's AuthnRequest.
func (v *visit) samlSignOn() *response {
	app, refusal := v.samlApplication()
	if refusal != nil {
		return refusal
	}
	request, relay, err := v.samlRequest()
	if err != nil {
		return v.samlRefused("The SAML request payload is missing.")
	}
	if request.ACS != app.SAML.ACS {
		return v.samlRefused("ACS URL of " + request.ACS + " doesn't match Provider ACS URL of " + app.SAML.ACS + ".")
	}
	res := v.samlPlan(&samlSignOn{app, request.ID, relay})
	if v.request.Method == http.MethodPost {
		res.framing = "SAMEORIGIN"
	}
	return res
}

// samlRefused is the page after a request that is wrong.
func (v *visit) samlRefused(what string) *response {
	res := v.page(http.StatusBadRequest, "Bad Request")
	res.page.Words = slices.Insert(res.page.Words, 1, what)
	return res
}

// samlPlan begins the authorization flow, or responds at once if there is
// nothing to ask and the response goes in an address.
func (v *visit) samlPlan(s *samlSignOn) *response {
	context := map[string]any{
		contextApp:           s.app,
		contextConsentHeader: fmt.Sprintf(v.text("You're about to sign into %s."), s.app.Name),
	}
	if refusal := v.start(s.app.SAML.AuthorizationFlow, context, s); refusal != nil {
		return refusal
	}
	if !s.app.SAML.Redirect || len(v.plan.steps) > 1 {
		return v.moved(v.flowLocation())
	}
	v.cancel()
	res, err := s.get(v)
	if err != nil {
		return v.broken()
	}
	return res
}

var errSAMLRedirect = errors.New("the answer cannot be put into an address")

// get is the response to the application.
func (s *samlSignOn) get(v *visit) (*response, error) {
	s.used(v)
	message := s.response(v)
	if s.app.SAML.Redirect {
		if v.srv.dialect.samlAnswerFails {
			return nil, errSAMLRedirect
		}
		return &response{
			status:   http.StatusFound,
			location: samlAddress(s.app.SAML.ACS, "SAMLResponse", message, s.relay),
		}, nil
	}
	attrs := object{"SAMLResponse": base64.StdEncoding.EncodeToString([]byte(message))}
	if s.relay != "" {
		attrs["RelayState"] = s.relay
	}
	return (&autosubmitStage{URL: s.app.SAML.ACS, Title: "Redirecting to " + s.app.Name + "...", Attrs: attrs}).get(v)
}

// used records that the application must be told of the end of the session.
func (s *samlSignOn) used(v *visit) {
	slugs, _ := v.session.data[dataSAML].([]string)
	if !slices.Contains(slugs, s.app.Slug) {
		v.session.data[dataSAML] = append(slices.Clone(slugs), s.app.Slug)
	}
}

// post fails: the visitor should have left.
func (s *samlSignOn) post(*visit) (*response, error) {
	return &response{status: http.StatusBadRequest}, nil
}
