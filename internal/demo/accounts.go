package demo

import (
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A group is a part of the table that is printed: rows of one kind.
type group struct {
	title  string
	people bool // its rows are users; those of others are addresses
	rows   []row
}

// A row is somebody to sign in as, or the address of a flow to open.
type row struct {
	name  string // of the user, or of the flow
	query string // of the flow's address
	says  string // what authentik asks or does then

	devices []authentiktest.Device

	// stages are all of the flow or, for a user, those between the password and the
	// end. A user's own end takes the place of the usual one.
	stages []authentiktest.Stage
	end    authentiktest.Stage

	context map[string]any // what a policy puts down for the stages

	designation authentiktest.Designation
}

// everybodysPassword is the password of all users of the demonstration.
const everybodysPassword = "demo"

// groups are all that the demonstration has to show. Elsewhere is the origin of the
// site that stands for all others.
func groups(elsewhere string) []group {
	return []group{
		{"Second factors: authentik asks for", true, factors()},
		{"Set-ups: authentik asks", true, setUps()},
		{"Questions: authentik asks", true, questions(elsewhere)},
		{"Other ways in: authentik asks for", false, ways(elsewhere)},
		{"Endings, and what leads away: authentik shows", false, endings(elsewhere)},
	}
}

// people are the rows that are users.
func people(groups []group) (rows []row) {
	for _, g := range groups {
		if g.people {
			rows = append(rows, g.rows...)
		}
	}
	return rows
}

// person is the user of a row.
func person(r row) authentiktest.User {
	name, size := utf8.DecodeRuneInString(r.name)
	return authentiktest.User{
		Username: r.name, Name: string(unicode.ToUpper(name)) + r.name[size:] + " User", Email: r.name + "@example.com",
		Password: everybodysPassword, Groups: []string{"staff", "authentik users"}, Devices: r.devices,
	}
}

// signInFlow is the flow of the first page.
const signInFlow = "default-authentication-flow"

// setUp is an authentik as it comes, with everything that the rows need.
func setUp(groups []group, elsewhere string, duo authentiktest.Duo) authentiktest.Config {
	cfg := authentiktest.Config{
		Duo: duo, Sources: sources(elsewhere), Invitations: []authentiktest.Invitation{{Token: invitation}},
		Flows: []authentiktest.Flow{{Slug: signInFlow, Title: "Welcome to the demonstration", Bindings: bindings(people(groups))}, {Slug: beforeSource}},
	}
	for _, r := range people(groups) {
		cfg.Users = append(cfg.Users, person(r))
	}
	for _, g := range groups {
		if g.people {
			continue
		}
		for _, r := range g.rows {
			cfg.Flows = append(cfg.Flows, flow(r))
		}
	}
	return cfg
}

func flow(r row) authentiktest.Flow {
	f := authentiktest.Flow{Slug: r.name, Title: "Demonstration", Designation: r.designation}
	for _, s := range r.stages {
		f.Bindings = append(f.Bindings, authentiktest.Binding{Stage: s})
	}
	return f
}

// bindings are the stages of the sign-in flow. Which of them a user meets is
// told by his name. Whoever has come with a passkey is asked nothing else.
func bindings(people []row) []authentiktest.Binding {
	var own []string // those with an end of their own
	all := []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{
			UserFields: []string{"username", "email"}, Passkey: &authentiktest.AuthenticatorValidateStage{},
			EnrollmentFlow: "enrolment", RecoveryFlow: "recovery", PasswordlessFlow: "passwordless",
		}},
		where(&authentiktest.PasswordStage{}, func(r *authentiktest.PolicyRequest) bool { return !byPasskey(r) }),
	}
	for _, p := range people {
		for _, s := range p.stages {
			all = append(all, where(s, func(r *authentiktest.PolicyRequest) bool {
				maps.Copy(r.Context, p.context)
				return named(r, p.name) && !byPasskey(r)
			}))
		}
		if p.end != nil {
			own = append(own, p.name)
			all = append(all, where(p.end, func(r *authentiktest.PolicyRequest) bool { return named(r, p.name) }))
		}
	}
	return append(all, where(&authentiktest.UserLoginStage{}, func(r *authentiktest.PolicyRequest) bool { return !named(r, own...) }))
}

// where binds a stage that only some meet.
func where(stage authentiktest.Stage, meets func(*authentiktest.PolicyRequest) bool) authentiktest.Binding {
	return authentiktest.Binding{Stage: stage, Policies: []authentiktest.Policy{{
		Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) { return meets(r), nil, nil },
	}}}
}

func named(r *authentiktest.PolicyRequest, names ...string) bool {
	return slices.Contains(names, r.Pending.Username)
}

// byPasskey reports whether a passkey has said who the visitor is, as policies
// at authentik find out.
func byPasskey(r *authentiktest.PolicyRequest) bool {
	return r.Context["auth_method"] == "auth_webauthn_pwl"
}
