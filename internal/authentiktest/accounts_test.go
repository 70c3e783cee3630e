package authentiktest

import "strings"

// strict is the recorded password policy: twelve characters, one of them a
// digit.
func strict() []Policy {
	return []Policy{{Func: func(r *PolicyRequest) (bool, []string, error) {
		password, _ := prompted(r)["password"].(string)
		if len(password) >= 12 && strings.ContainsAny(password, "0123456789") {
			return true, nil, nil
		}
		return false, []string{"At least 12 characters with a digit, please."}, nil
	}}}
}

// newPassword asks for a new password, twice.
func newPassword() *PromptStage {
	return &PromptStage{Policies: strict(), Fields: []Field{
		{Key: "password", Label: "New password", Type: FieldPassword},
		{Key: "password_repeat", Label: "New password", Type: FieldPassword, Order: 1},
	}}
}

// stLogin is the flow with which the recorded browsers sign in.
func stLogin() Flow { return titled(oneStep("st-login")) }

// called gives a flow a title.
func called(title string, f Flow) Flow {
	f.Title = title
	return f
}

func userFlows(*replay) Config {
	of := func(value func(User) string) func(*PolicyRequest) string {
		return func(r *PolicyRequest) string { return value(r.User) }
	}
	attribute := func(u User, name string) string {
		value, _ := u.Attributes[name].(string)
		return value
	}
	password := called("Change password", flowOf("st-pwchange", newPassword(), &UserWriteStage{}))
	settings := called("Settings of %(user)s", flowOf("st-settings", &PromptStage{Fields: []Field{
		{Key: "username", Label: "User name", Type: FieldUsername, InitialFunc: of(func(u User) string { return u.Username })},
		{Key: "name", Label: "Name", Order: 1, InitialFunc: of(func(u User) string { return u.Name })},
		optional(Field{
			Key: "email", Label: "E-mail", Type: FieldEmail, Order: 2, InitialFunc: of(func(u User) string { return u.Email }),
		}),
		optional(Field{
			Key: "attributes.settings.locale", Label: "Locale", Type: FieldLocale, Order: 3,
			InitialFunc: of(func(u User) string {
				locale, _ := u.setting("locale")
				return locale
			}),
		}),
		optional(Field{
			Key: "attributes.phone", Label: "Phone", Order: 4, InitialFunc: of(func(u User) string { return attribute(u, "phone") }),
		}),
	}}, &UserWriteStage{}))
	for _, f := range []*Flow{&password, &settings} {
		f.Designation, f.Authentication = DesignationStageConfiguration, RequireAuthenticated
	}
	return Config{Users: people("st-settings", "st-taken"), Flows: []Flow{stLogin(), password, settings}}
}

func logoutAndUnenrol(*replay) Config {
	logout := flowOf("st-logout", &UserLogoutStage{})
	logout.Designation = DesignationInvalidation
	unenrol := called("Delete account", flowOf("st-unenrol", &ConsentStage{}, &UserDeleteStage{}))
	unenrol.Designation, unenrol.Authentication = DesignationUnenrollment, RequireAuthenticated
	return Config{Users: people("st-leaver"), Flows: []Flow{stLogin(), logout, unenrol}}
}
