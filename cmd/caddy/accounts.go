package main

import (
	"bytes"
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
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n  Open  http://%s\n", gate)
	if gate != d.listen {
		fmt.Fprintf(&text, "        (%s is taken)\n", d.listen)
	}
	fmt.Fprintf(&text, "\n  and sign in as\n\n")
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "  Username\tPassword\tWhat authentik asks besides")
	_, _ = fmt.Fprintln(table, "  --------\t--------\t---------------------------")
	for _, a := range accounts() {
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", a.user.Username, a.user.Password, a.asks)
	}
	_ = table.Flush()
	fmt.Fprintf(&text, "\n  The stand-in for authentik is at http://%s, and this is the whole configuration:\n\n%s", standIn, indent(site))
	fmt.Fprintf(&text, "\n  Ctrl-C ends it.\n\n")
	_, _ = text.WriteTo(d.out)
}
