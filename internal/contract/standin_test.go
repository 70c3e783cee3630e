package contract

import "github.com/flowsidecar/caddy-authentik/internal/authentiktest"

// account returns a user for the stand-in.
func (n names) account(name string, groups ...string) authentiktest.User {
	u := authentiktest.User{
		Username: n.unique(name), Name: fullName(name), Email: n.address(name), Password: n.password,
	}
	for _, g := range groups {
		u.Groups = append(u.Groups, n.unique(g))
	}
	return u
}

func identification() authentiktest.Binding {
	return authentiktest.Binding{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}}
}

func password() authentiktest.Binding {
	return authentiktest.Binding{Stage: &authentiktest.PasswordStage{}}
}

func login() authentiktest.Binding {
	return authentiktest.Binding{Stage: &authentiktest.UserLoginStage{}}
}

// twoSteps returns a stand-in with a sign-in by name and password and with these
// users. between are the stages between the password and the login stage.
func (n names) twoSteps(between []authentiktest.Binding, users ...authentiktest.User) authentiktest.Config {
	bindings := append([]authentiktest.Binding{identification(), password()}, between...)
	return authentiktest.Config{Users: users, Flows: []authentiktest.Flow{n.flow("flow", append(bindings, login())...)}}
}

func (n names) flow(thing string, bindings ...authentiktest.Binding) authentiktest.Flow {
	return authentiktest.Flow{
		Slug: n.unique(thing), Title: "Contract", DeniedAction: authentiktest.DeniedMessage, Bindings: bindings,
	}
}

// members returns a policy that passes for the members of a group.
func (n names) members(group string) []authentiktest.Policy {
	return []authentiktest.Policy{{Group: n.unique(group)}}
}

// setUpDevice makes users without a device set one up while they sign in.
func setUpDevice(class authentiktest.DeviceClass, stage authentiktest.SetupStage) []authentiktest.Binding {
	return []authentiktest.Binding{{Stage: &authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{class}, NotConfigured: authentiktest.NotConfiguredConfigure,
		ConfigurationStages: []authentiktest.SetupStage{stage},
	}}}
}

// bindings binds stages one after the other.
func bindings(stages ...authentiktest.Stage) (all []authentiktest.Binding) {
	for _, s := range stages {
		all = append(all, authentiktest.Binding{Stage: s})
	}
	return all
}

// designed returns a flow with another designation than authentication.
func (n names) designed(thing string, designation authentiktest.Designation, stages ...authentiktest.Stage) authentiktest.Flow {
	f := n.flow(thing, bindings(stages...)...)
	f.Designation = designation
	return f
}
