package authentiktest

import (
	"net/http"
	"slices"
)

// contextSSO is true in the plan of a visitor who comes from a source.
const contextSSO = "is_sso"

// A silentStage acts without asking the visitor.
type silentStage struct{ do func(*visit) }

func (s *silentStage) get(v *visit) (*response, error) {
	s.do(v)
	return v.solved()
}

func (s *silentStage) post(v *visit) (*response, error) { return s.get(v) }

// sourceFlows are the source flows of every new authentik.
func sourceFlows() []Flow {
	fromSource := []Policy{{Func: func(r *PolicyRequest) (bool, []string, error) {
		sso, _ := r.Context[contextSSO].(bool)
		return sso, nil, nil
	}}}
	return []Flow{
		{
			Slug: "default-source-pre-authentication", Title: "Pre-authentication",
			Designation: DesignationStageConfiguration,
		},
		{
			Slug: "default-source-authentication", Title: "Welcome to authentik!", Policies: fromSource,
			Authentication: RequireUnauthenticated, Bindings: []Binding{{Stage: &UserLoginStage{}}},
		},
		{
			Slug: "default-source-enrollment", Title: "Welcome to authentik! Please select a username.", Policies: fromSource,
			Authentication: RequireUnauthenticated, Designation: DesignationEnrollment,
			Bindings: []Binding{{Stage: &UserWriteStage{Creation: CreateAlways, Active: true}}, {Stage: &UserLoginStage{}}},
		},
	}
}

// data is what is known of a person, as prompt data.
func (p Person) data() object {
	d := object{}
	for name, value := range map[string]string{"username": p.Username, "name": p.Name, "email": p.Email} {
		if value != "" {
			d[name] = value
		}
	}
	return d
}

// arrive handles a person from a source: a signed-in user is linked, a linked
// user is signed in, and a new one is enrolled.
func (v *visit) arrive(s Source, p Person) *response {
	if v.user.PK != 0 {
		v.srv.link(s, p, v.user)
		v.session.modified = true
		return v.moved(v.srv.url("/if/user/#/settings;page-sources"))
	}
	v.srv.mu.Lock()
	known := v.srv.users[v.srv.links[linked{s.Slug, p.ID}]]
	v.srv.mu.Unlock()
	_, taken := v.srv.find(func(u User) bool { return p.Email != "" && u.Email == p.Email })
	switch {
	case known.PK != 0:
		return v.welcome(s, p, s.AuthenticationFlow, known)
	case taken && s.DenyEmail:
		return v.sourceDenied(s)
	case s.EnrollmentFlow == "":
		res := v.page(http.StatusBadRequest, "Bad Request")
		res.page.Words = slices.Insert(res.page.Words, 1, "Source is not configured for enrollment.")
		return res
	}
	return v.welcome(s, p, s.EnrollmentFlow, User{})
}

// sourceDenied is the page for persons whom a source may not bring.
func (v *visit) sourceDenied(s Source) *response {
	res := v.denied()
	i := slices.Index(res.page.Words, "Request has been denied.")
	res.page.Words = slices.Insert(res.page.Words, i+1, "Request to authenticate with "+s.Name+
		" has been denied. Please authenticate with the source you've previously signed up with.")
	return res
}

// welcome begins the source's flow. After the flow's own stages come three
// silent ones: the link, the groups, and the success message. It ends where the
// visitor wanted to go when choosing the source.
func (v *visit) welcome(s Source, p Person, slug string, u User) *response {
	next, found := v.session.params.last("next")
	if !found {
		next = v.srv.url("/if/user/")
	}
	context := map[string]any{contextSSO: true, contextRedirect: next, contextPrompted: p.data()}
	if u.PK != 0 {
		context[contextPending] = u
	}
	nothing := func(*visit) {}
	link := func(v *visit) { v.srv.link(s, p, pending(v.plan.context)) }
	refusal := v.start(slug, context, &silentStage{link}, &silentStage{nothing}, &silentStage{nothing})
	if refusal != nil {
		return refusal
	}
	return v.moved(v.flowLocation())
}

func (s *Server) link(source Source, p Person, u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[linked{source.Slug, p.ID}] = u.PK
}
