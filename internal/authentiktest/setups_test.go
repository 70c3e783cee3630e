package authentiktest

import (
	"slices"
	"strings"
)

// The administrators of the recorded servers used a few set-ups
// repeatedly.
const (
	goodPassword = "correct horse battery staple"
	welcome      = "Welcome to Example!"
)

// person is a user as the recorders made them: "lg-anna" is Lg-Anna Example
// and has the address anna.lg@example.com, "st-plain" has st-plain@example.com.
func person(username string) User {
	prefix, name, _ := strings.Cut(username, "-")
	u := User{Username: username, Email: username + "@example.com", Password: goodPassword}
	for part := range strings.SplitSeq(username, "-") {
		u.Name += strings.ToUpper(part[:1]) + part[1:] + "-"
	}
	u.Name = strings.TrimSuffix(u.Name, "-") + " Example"
	if prefix == "lg" {
		u.Email = name + ".lg@example.com"
	}
	return u
}

// people makes several users.
func people(usernames ...string) []User {
	var all []User
	for _, name := range usernames {
		all = append(all, person(name))
	}
	return all
}

// ask is identification by user name or e-mail address.
func ask() *IdentificationStage {
	return &IdentificationStage{UserFields: []string{"username", "email"}}
}

// askBoth is identification with the password in the same form.
func askBoth() *IdentificationStage {
	s := ask()
	s.Password = &PasswordStage{}
	return s
}

// flowOf is a login flow of these stages, bound without anything special.
func flowOf(slug string, stages ...Stage) Flow {
	f := Flow{Slug: slug, Title: welcome}
	for _, s := range stages {
		f.Bindings = append(f.Bindings, Binding{Stage: s})
	}
	return f
}

// twoSteps is identification, password, login; extra stages stand before the
// login.
func twoSteps(slug string, extra ...Stage) Flow {
	return flowOf(slug, slices.Concat([]Stage{ask(), &PasswordStage{}}, extra, []Stage{&UserLoginStage{}})...)
}

// titled is a flow whose title is its slug.
func titled(f Flow) Flow {
	f.Title = f.Slug
	return f
}

// oneStep is identification with the password, and login.
func oneStep(slug string) Flow { return flowOf(slug, askBoth(), &UserLoginStage{}) }

// simply is the set-up of scenarios that need some flows and some users.
func simply(users []User, flows ...Flow) func(*replay) Config {
	return func(*replay) Config { return Config{Users: users, Flows: flows} }
}
