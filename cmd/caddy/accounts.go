package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// An account is somebody to sign in as.
type account struct {
	user authentiktest.User
	asks string // what authentik asks, besides the password
}

// everybodysPassword is the password of all accounts of the demonstration.
const everybodysPassword = "demo"

// accounts are the people of the demonstration, one for each kind of question.
func accounts() []account {
	return []account{
		{person("demo", "Demo User", "staff", "authentik users"), "nothing more"},
	}
}

func person(username, name string, groups ...string) authentiktest.User {
	return authentiktest.User{
		Username: username, Name: name, Email: username + "@example.com",
		Password: everybodysPassword, Groups: groups,
	}
}

// setUp is an authentik as it comes, with the accounts of the demonstration.
func setUp() authentiktest.Config {
	var users []authentiktest.User
	for _, a := range accounts() {
		users = append(users, a.user)
	}
	return authentiktest.Config{
		Users: users,
		Flows: []authentiktest.Flow{{
			Slug: "default-authentication-flow", Title: "Welcome to the demonstration", Bindings: bindings(),
		}},
	}
}

// bindings are the stages of the sign-in flow.
func bindings() []authentiktest.Binding {
	return []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}},
		{Stage: &authentiktest.PasswordStage{}},
		{Stage: &authentiktest.UserLoginStage{}},
	}
}

// announce says where everything is and whom to sign in as.
func (d *demo) announce(gate, standIn, site string) {
	fmt.Fprintf(d.out, "\n  Open  http://%s\n", gate)
	if gate != d.listen {
		fmt.Fprintf(d.out, "        (%s is taken)\n", d.listen)
	}
	fmt.Fprintf(d.out, "\n  The stand-in for authentik is at http://%s\n\n", standIn)
	table := tabwriter.NewWriter(d.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "  Username\tPassword\tWhat authentik asks besides")
	fmt.Fprintln(table, "  --------\t--------\t---------------------------")
	for _, a := range accounts() {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", a.user.Username, a.user.Password, a.asks)
	}
	_ = table.Flush()
	fmt.Fprintf(d.out, "\n  The whole configuration:\n\n%s\n  Ctrl-C ends it.\n\n", indent(site))
}
