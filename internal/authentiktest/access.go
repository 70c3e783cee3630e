package authentiktest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Keys of a session's data besides its user.
const (
	dataLogin       = "login"            // login
	dataApplication = "application_pre"  // Application the visitor was on the way to
	dataRelogin     = "last_login"       // id of the login after which prompt=login wants another one
	dataOriginal    = "impersonate_user" // pk of the administrator who impersonates the user
)

// mayUse checks what every application view of authentik checks first: that the
// visitor is signed in and may use the application. It returns nil if both are
// true, else the response that refuses.
func (v *visit) mayUse(app Application, hint string) *response {
	if app.Slug == "" {
		return v.denied()
	}
	if v.user.PK == 0 {
		return v.login(app, hint)
	}
	if passing, _ := v.passes(app.Policies, app.PolicyMode, map[string]any{}); !passing {
		return v.denied()
	}
	return nil
}

// denied is the page for visitors who may not use an application. It does not
// show what the policies said.
func (v *visit) denied() *response {
	words := []string{v.text("Permission denied")}
	if v.user.PK != 0 {
		words = append(words, v.user.Username, "Not you?")
	}
	words = append(words, "Request has been denied.")
	d := v.srv.dialect
	if !d.errorForm {
		words = append(words, v.text("Go home"))
	}
	if d.errorForm && v.rotated == "" {
		v.rotated = or(v.sent(cookieCSRF), random(32))
	}
	return &response{status: http.StatusOK, page: &page{
		Title: v.text("Permission denied") + " - " + v.brand.title(),
		Words: append(words, "Powered by authentik"),
		Form:  d.errorForm,
	}}
}

// login redirects a visitor to the authentication flow, which leads back here.
func (v *visit) login(app Application, hint string) *response {
	v.session.modified, v.session.begun = true, true
	if v.srv.dialect.plansLogin {
		return v.planLogin(app, hint)
	}
	v.session.data[dataApplication] = app
	return v.moved(v.srv.url("/flows/-/default/authentication/?next=" + quote(fullPath(v.request.URL))))
}

// planLogin redirects to the authentication flow with a plan that already holds
// the application and, if the client sent one, the login hint.
func (v *visit) planLogin(app Application, hint string) *response {
	slug := v.brand.FlowAuthentication
	if app.Provider != nil {
		slug = or(app.Provider.AuthenticationFlow, slug)
	}
	if _, found := v.srv.flow(slug); !found {
		slug = v.firstFlow(DesignationAuthentication)
	}
	f, found := v.srv.flow(slug)
	if !found {
		return v.notFound()
	}
	v.flow = f
	context := map[string]any{contextApp: app}
	if hint != "" {
		context[contextHint] = hint
	}
	p, err := v.begin(context)
	if err != nil {
		return v.notFound()
	}
	v.session.plan = p
	params := append(parseQuery(v.request.URL.RawQuery), parameter{"next", fullPath(v.request.URL)}).encode()
	if locale := v.uiLocale(); locale != "" {
		params = strings.ReplaceAll(params, "+", "%20") + "&locale=" + locale
	}
	return v.moved(v.srv.url("/if/flow/" + f.Slug + "/?" + params))
}

// start begins a flow that ends with stages of the view itself. An empty flow
// consists of these stages only. It returns nil, or the response that refuses.
func (v *visit) start(slug string, context map[string]any, last ...Stage) *response {
	f, found := v.srv.flow(slug)
	if !found {
		return v.notFound()
	}
	v.flow = f
	p, err := v.begin(context)
	if errors.Is(err, errEmpty) {
		p, err = &plan{flow: f.pk, context: context}, nil
	}
	if err != nil {
		return v.denied()
	}
	for _, s := range last {
		p.steps = append(p.steps, planned{binding: Binding{Stage: s}})
	}
	v.plan, v.session.plan = p, p
	v.session.modified, v.session.begun = true, true
	return nil
}

// flowLocation is the page of the running flow, with the query of the request.
func (v *visit) flowLocation() string {
	location := v.srv.url("/if/flow/" + v.flow.Slug + "/")
	if q := reencode(v.request.URL.RawQuery); q != "" {
		location += "?" + q
	}
	return location
}

// uiLocale is the first language in ui_locales that authentik has.
func (v *visit) uiLocale() string {
	if !v.srv.dialect.uiLocales {
		return ""
	}
	wanted := strings.Fields(v.query("ui_locales"))
	if i := slices.IndexFunc(wanted, func(tag string) bool { return spoken(tag) != "" }); i >= 0 {
		return spoken(wanted[i])
	}
	return ""
}

// quote escapes an address to return to as Django does: slashes stay.
func quote(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2F", "/")
}

// forbiddenPage is Django's answer to a failed CSRF check.
func (v *visit) forbiddenPage() *response {
	words := []string{"Forbidden (403)", "CSRF verification failed. Request aborted."}
	if v.request.Header.Get("Referer") == "" && v.request.Header.Get("Origin") == "" && v.secure() {
		words = append(words, "You are seeing this message because this HTTPS site requires a “Referer header” to be sent "+
			"by your web browser, but none was sent. This header is required for security reasons, to ensure that your "+
			"browser is not being hijacked by third parties.")
	}
	return &response{status: http.StatusForbidden, page: &page{Title: "403 Forbidden", Words: words}}
}

// consentContext is the plan context of an application and of the scopes that
// it asks for.
func (v *visit) consentContext(p Provider, app Application, wanted []string) map[string]any {
	return map[string]any{
		contextApp:           app,
		contextConsentHeader: fmt.Sprintf(v.text("You're about to sign into %s."), app.Name),
		contextConsent:       p.permissions(wanted),
	}
}

// nameApplication adds to a challenge the application that the visitor wants to
// reach.
func (v *visit) nameApplication(c object) {
	app, ok := v.session.data[dataApplication].(Application)
	if v.srv.dialect.plansLogin {
		app, ok = v.plan.context[contextApp].(Application)
	}
	if !ok {
		return
	}
	c["application_pre"] = app.Name
	if v.srv.dialect.launchPre {
		c["application_pre_launch"] = app.LaunchURL
	}
}

// hinted skips identification if the login hint of the client names a user.
func (s *IdentificationStage) hinted(v *visit, hint string) (*response, error) {
	u, ok := s.identify(v, hint, "")
	v.plan.context[contextPending] = u
	if !ok {
		return v.ask(s.challenge(v))
	}
	return v.solved()
}
