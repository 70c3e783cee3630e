package authentiktest

import "net/http"

// adminRoutes are the administrators' views that can be told apart from
// outside.
func adminRoutes() []route {
	return []route{
		{"/api/v3/flows/instances/{slug}/execute/", (*visit).executeFlow},
		{"/api/v3/flows/inspector/{slug}/", (*visit).inspector},
	}
}

// executeFlow lets an administrator try a flow: it makes the plan and redirects
// to it.
func (v *visit) executeFlow() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	f, found := v.srv.flow(v.args["slug"])
	switch {
	case v.user.PK == 0:
		return v.unauthenticated()
	case !v.srv.superuser(v.user):
		v.session.modified = true
		return v.api(http.StatusForbidden, object{"detail": "You do not have permission to perform this action."})
	case !found:
		return v.api(http.StatusNotFound, object{"detail": "No Flow matches the given query."})
	}
	if refusal := v.start(f.Slug, map[string]any{}); refusal != nil {
		return refusal
	}
	return v.api(http.StatusOK, object{"link": v.address(v.flowLocation())})
}

// inspector is 404 for anyone who may not use it. What administrators see of a
// plan is the database around it, which the stand-in does not have.
func (v *visit) inspector() *response { return v.notFound() }
