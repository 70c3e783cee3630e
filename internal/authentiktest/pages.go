package authentiktest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func pageRoutes() []route {
	return []route{
		{"/", (*visit).root},
		{"/if/flow/{slug}/", (*visit).flowPage},
		{"/if/user/", func(v *visit) *response { return v.shell("user") }},
		{"/if/admin/", func(v *visit) *response { return v.shell("admin") }},
		{"/flows/-/cancel/", (*visit).cancelled},
		{"/flows/-/default/authentication/", func(v *visit) *response {
			return v.defaultFlow(DesignationAuthentication, v.loginFlow())
		}},
		{"/flows/-/default/invalidation/", func(v *visit) *response {
			return v.defaultFlow(DesignationInvalidation, v.brand.FlowInvalidation)
		}},
		{"/application/launch/{slug}/", (*visit).launch},
	}
}

// root leads users to their page and others to the login.
func (v *visit) root() *response {
	if v.user.PK == 0 {
		return v.moved(v.srv.url("/flows/-/default/authentication/?next=" + v.srv.url("/")))
	}
	return v.moved(v.srv.url("/if/user/"))
}

// shell is the page of an interface that a script of authentik's would fill.
// There is none here, but a marker by which a test can tell that it has come to
// a visitor who was not to get there.
func (v *visit) shell(what string) *response {
	return &response{status: http.StatusOK, page: &page{
		Title: v.brand.title(), Marker: "authentik " + what + " interface", Icon: v.brand.favicon(v.srv),
	}}
}

// cancelURL is where a challenge offers to give up.
func (v *visit) cancelURL() string {
	path := v.srv.url("/flows/-/cancel/")
	next, _ := v.session.params.last("next")
	if !v.srv.dialect.cancelNext || next == "" || absolute(next) {
		return path
	}
	return path + "?next=" + url.QueryEscape(next)
}

// cancelled drops the plan. Without a target it leads on to the logout.
func (v *visit) cancelled() *response {
	if v.session.plan != nil {
		v.session.plan, v.session.params = nil, nil
		v.session.modified = true
	}
	next := v.query("next")
	if v.srv.dialect.cancelNext && next != "" && !absolute(next) {
		return v.moved(iri(next))
	}
	return v.moved(v.srv.url("/flows/-/default/invalidation/"))
}

// loginFlow is the provider's of the application that the visitor was on the way to, or else the
// brand's.
func (v *visit) loginFlow() string {
	if app, ok := v.session.data[dataApplication].(Application); ok && app.Provider != nil {
		return or(app.Provider.AuthenticationFlow, v.brand.FlowAuthentication)
	}
	return v.brand.FlowAuthentication
}

// defaultFlow leads to the brand's flow for a purpose, or to the first of
// that designation that lets the visitor in.
func (v *visit) defaultFlow(d Designation, slug string) *response {
	if _, found := v.srv.flow(slug); !found {
		slug = v.firstFlow(d)
	}
	if slug == "" {
		return v.notFound()
	}
	location := v.srv.url("/if/flow/" + slug + "/")
	if q := reencode(v.request.URL.RawQuery); q != "" {
		location += "?" + q
	}
	return v.moved(location)
}

func (v *visit) firstFlow(d Designation) string {
	v.srv.mu.Lock()
	flows := slices.Clone(v.srv.flows)
	v.srv.mu.Unlock()
	slices.SortFunc(flows, func(a, b *Flow) int { return strings.Compare(a.Slug, b.Slug) })
	for _, f := range flows {
		passing, _ := v.passes(f.Policies, f.PolicyMode, map[string]any{})
		if or(f.Designation, DesignationAuthentication) == d && passing {
			return f.Slug
		}
	}
	return ""
}

// launch leads to an application. Its address may name the user.
func (v *visit) launch() *response {
	app, found := v.srv.application(v.args["slug"])
	if !found || app.LaunchURL == "" {
		return v.notFound()
	}
	return v.moved(strings.ReplaceAll(app.LaunchURL, "%(username)s", v.user.Username))
}
