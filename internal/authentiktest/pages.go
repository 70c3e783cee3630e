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

// root redirects users to their page and others to the login.
func (v *visit) root() *response {
	if v.user.PK == 0 {
		return v.moved(v.srv.url("/flows/-/default/authentication/?next=" + v.srv.url("/")))
	}
	return v.moved(v.srv.url("/if/user/"))
}

// shell is the page of an interface that authentik's scripts would fill. Here
// it has a marker, by which tests notice that a visitor has reached it.
func (v *visit) shell(what string) *response {
	return &response{status: http.StatusOK, page: &page{
		Title: v.brand.title(), Marker: "authentik " + what + " interface", Icon: v.brand.favicon(v.srv),
	}}
}

// cancelURL is the address by which a challenge offers to give up.
func (v *visit) cancelURL() string {
	path := v.srv.url("/flows/-/cancel/")
	next, _ := v.session.params.last("next")
	if !v.srv.dialect.cancelNext || next == "" || absolute(next) {
		return path
	}
	return path + "?next=" + url.QueryEscape(next)
}

// cancelled deletes the plan. Without a target it redirects to the logout.
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

// loginFlow is the flow of the provider that the visitor wants to reach, or
// else the brand's.
func (v *visit) loginFlow() string {
	if app, ok := v.session.data[dataApplication].(Application); ok && app.Provider != nil {
		return or(app.Provider.AuthenticationFlow, v.brand.FlowAuthentication)
	}
	return v.brand.FlowAuthentication
}

// defaultFlow redirects to the brand's flow of a designation, or to the first
// one that applies to the visitor.
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

// launch redirects to an application. Its address may name the user.
func (v *visit) launch() *response {
	app, found := v.srv.application(v.args["slug"])
	if !found || app.LaunchURL == "" {
		return v.notFound()
	}
	return v.moved(strings.ReplaceAll(app.LaunchURL, "%(username)s", v.user.Username))
}
