package authentiktest

// loginRows are the recordings about identification and the password.
func loginRows() []row {
	return []row{
		{name: "ident-hide-matched-user", replay: identHideMatchedUser},
		{name: "ident-inline-password", replay: simply(people("lg-dora"), oneStep("lg-inline"))},
		{name: "ident-links-and-sources", replay: identLinksAndSources},
		{name: "ident-user-fields", replay: identUserFields},
		{name: "login-blank-fields", replay: simply(people("lg-bob"), twoSteps("lg-blank"))},
		{name: "login-inactive-user", replay: loginInactiveUser},
		{name: "login-too-many-wrong-passwords", replay: loginTooManyWrongPasswords},
		{name: "login-two-stages", replay: loginTwoStages},
		{name: "login-unknown-user", replay: loginUnknownUser},
	}
}

func loginTwoStages(*replay) Config {
	anna := person("lg-anna")
	anna.Name = "Anna Example"
	return Config{Users: []User{anna}, Flows: []Flow{twoSteps("lg-two-stages")}}
}

func loginUnknownUser(*replay) Config {
	strict := ask()
	strict.RefuseUnknownUser = true
	return Config{Flows: []Flow{
		twoSteps("lg-unknown"),
		flowOf("lg-unknown-strict", strict, &PasswordStage{}, &UserLoginStage{}),
	}}
}

func loginTooManyWrongPasswords(*replay) Config {
	return Config{
		Users: people("lg-carl"),
		Flows: []Flow{flowOf("lg-attempts", ask(), &PasswordStage{FailedAttempts: 3}, &UserLoginStage{})},
	}
}

func loginInactiveUser(r *replay) Config {
	inactive := person("lg-inactive")
	inactive.Inactive = true
	r.before("the administrator has deactivated the user since the challenge", func() { r.SetActive("lg-leaving", false) })
	return Config{
		Users: []User{inactive, person("lg-leaving")},
		Flows: []Flow{twoSteps("lg-inactive"), oneStep("lg-inactive-inline")},
	}
}

func identHideMatchedUser(*replay) Config {
	hide, exact := ask(), ask()
	hide.HideMatchedUser = true
	exact.CaseSensitive, exact.RefuseUnknownUser = true, true
	return Config{
		Users: people("lg-emil"),
		Flows: []Flow{
			flowOf("lg-hide", hide, &PasswordStage{}, &UserLoginStage{}),
			twoSteps("lg-show"),
			flowOf("lg-case", exact, &PasswordStage{}, &UserLoginStage{}),
		},
	}
}

func identUserFields(*replay) Config {
	fiona := person("lg-fiona")
	fiona.Attributes = map[string]any{"upn": "fiona@corp.example.com"}
	by := func(fields ...string) *IdentificationStage {
		return &IdentificationStage{UserFields: fields, RefuseUnknownUser: true}
	}
	button := &IdentificationStage{Sources: []Source{{
		Slug: "lg-discord", Name: "LG Discord", Icon: "/static/authentik/sources/discord.svg", Kind: SourceOAuth,
	}}}
	return Config{
		Users: []User{fiona},
		Flows: []Flow{
			flowOf("lg-email-only", by("email"), &PasswordStage{}, &UserLoginStage{}),
			flowOf("lg-upn", by("upn", "username"), &PasswordStage{}, &UserLoginStage{}),
			flowOf("lg-no-fields", button, &PasswordStage{}, &UserLoginStage{}),
		},
	}
}

func identLinksAndSources(*replay) Config {
	discord := Source{
		Slug: "lg-discord", Name: "LG Discord", Icon: "/static/authentik/sources/discord.svg", Promoted: true,
		Kind: SourceOAuth, ClientID: "lg-client", URL: "https://discord.com/api/oauth2/authorize",
		Scopes: []string{"email", "identify"}, Parameters: "prompt=none",
	}
	plex := Source{
		Slug: "lg-plex", Name: "LG Plex", Icon: "/static/authentik/sources/plex.svg",
		Kind: SourcePlex, ClientID: "lgPlexClientId",
	}
	s := askBoth()
	s.Sources, s.ShowSourceLabels, s.RememberMe = []Source{discord, plex}, true, true
	s.EnrollmentFlow, s.RecoveryFlow, s.PasswordlessFlow = "lg-enroll", "lg-recovery", "lg-passwordless-link"
	return Config{Sources: s.Sources, Flows: []Flow{flowOf("lg-links", s, &UserLoginStage{})}}
}
