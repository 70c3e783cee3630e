package demo

import (
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A group is a part of the printed table: rows of one kind.
type group struct {
	title  string
	people bool // whether the rows are users; otherwise they are addresses of flows
	rows   []row
}

// A row is a user to sign in as, or a flow to open.
type row struct {
	name  string // the username, or the slug of the flow
	query string // the query of the flow's address
	asks  string // what authentik then asks or does

	devices []authentiktest.Device

	// stages are all stages of the flow, or the user's stages after the
	// password. end replaces the last stage of the sign-in flow for this user.
	stages []authentiktest.Stage
	end    authentiktest.Stage

	context map[string]any // the values that a policy adds to the flow context

	designation authentiktest.Designation
}

// commonPassword is the password of all users of the demonstration.
const commonPassword = "demo"

// administrator is the user to whom the stand-in's API token belongs.
const (
	administrator = "akadmin"
	apiToken      = "demo"
)

// groups returns everything that the demonstration shows. elsewhere is the
// origin of the site that represents all other sites.
func groups(elsewhere string) []group {
	return []group{
		{"Second factors: authentik asks for", true, factors()},
		{"Set-ups: authentik asks", true, setUps()},
		{"Questions: authentik asks", true, questions(elsewhere)},
		{"Other ways in: authentik asks for", false, otherFlows(elsewhere)},
		{"Endings, and what leads away: authentik shows", false, endings(elsewhere)},
	}
}

// people returns the rows that are users.
func people(groups []group) (rows []row) {
	for _, g := range groups {
		if g.people {
			rows = append(rows, g.rows...)
		}
	}
	return rows
}

// person returns the user of a row.
func person(r row) authentiktest.User {
	name, size := utf8.DecodeRuneInString(r.name)
	return authentiktest.User{
		Username: r.name, Name: string(unicode.ToUpper(name)) + r.name[size:] + " User", Email: r.name + "@example.com",
		Password: commonPassword, Groups: []string{"staff", "authentik users"}, Devices: r.devices,
	}
}

// signInFlow is the slug of the sign-in flow.
const signInFlow = "default-authentication-flow"

// setUp returns the configuration of an authentik with everything that the rows
// need.
func setUp(groups []group, elsewhere string, duo authentiktest.Duo) authentiktest.Config {
	cfg := authentiktest.Config{
		Tokens: map[string]string{apiToken: administrator},
		Duo:    duo, Sources: sources(elsewhere), Invitations: []authentiktest.Invitation{{Token: invitation}},
		Flows: []authentiktest.Flow{{Slug: signInFlow, Title: "Welcome to the demonstration", Bindings: bindings(people(groups))}, {Slug: beforeSource}},
	}
	boss := person(row{name: administrator})
	boss.Superuser, boss.Groups = true, []string{"authentik Admins"}
	cfg.Users = append(cfg.Users, boss)
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

// bindings returns the stages of the sign-in flow. The username decides which
// of them apply. A user who signs in with a passkey is asked nothing else.
func bindings(people []row) []authentiktest.Binding {
	var own []string // for users with their own end
	all := []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{
			UserFields: []string{"username", "email"}, Passkey: &authentiktest.AuthenticatorValidateStage{},
			EnrollmentFlow: "enrolment", RecoveryFlow: "recovery", PasswordlessFlow: "passwordless",
		}},
		boundIf(&authentiktest.PasswordStage{}, func(r *authentiktest.PolicyRequest) bool { return !signedInByPasskey(r) }),
	}
	for _, p := range people {
		for _, s := range p.stages {
			all = append(all, boundIf(s, func(r *authentiktest.PolicyRequest) bool {
				maps.Copy(r.Context, p.context)
				return isUser(r, p.name) && !signedInByPasskey(r)
			}))
		}
		if p.end != nil {
			own = append(own, p.name)
			all = append(all, boundIf(p.end, func(r *authentiktest.PolicyRequest) bool { return isUser(r, p.name) }))
		}
	}
	return append(all, boundIf(&authentiktest.UserLoginStage{}, func(r *authentiktest.PolicyRequest) bool { return !isUser(r, own...) }))
}

// boundIf returns a binding of a stage that applies to some users only.
func boundIf(stage authentiktest.Stage, meets func(*authentiktest.PolicyRequest) bool) authentiktest.Binding {
	return authentiktest.Binding{Stage: stage, Policies: []authentiktest.Policy{{
		Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) { return meets(r), nil, nil },
	}}}
}

func isUser(r *authentiktest.PolicyRequest, names ...string) bool {
	return slices.Contains(names, r.Pending.Username)
}

// signedInByPasskey reports whether the user was identified by a passkey. Policies
// at authentik read the same value.
func signedInByPasskey(r *authentiktest.PolicyRequest) bool {
	return r.Context["auth_method"] == "auth_webauthn_pwl"
}
