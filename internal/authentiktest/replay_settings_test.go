package authentiktest

import "strings"

// settingsRows are the recordings about what the administrator sets for
// flows, brands and applications.
func settingsRows() []row {
	return []row{
		{name: "access-application", replay: accessApplication},
		{name: "brand", replay: brands},
		{name: "config-anonymous", replay: configAnonymous},
		{name: "flow-settings", replay: flowSettings},
		{name: "health", replay: health},
		{name: "router-core-down", why: "answers of the router in front of authentik, in its words and with its headers: the replays " +
			"are of the core; what the core says in between, other recordings have"},
		{name: "user-flows", replay: userFlows},
	}
}

func configAnonymous(r *replay) Config {
	r.signedIn(2, "oi-carol")
	brand := Brand{
		Domain: "oi.example.net", Title: "OI", FlowAuthentication: "oi-short-login",
		FlowInvalidation: "default-invalidation-flow", FlowDeviceCode: "oi-device-flow",
	}
	if r.release == Release202608 {
		brand.FlowDeviceCode = ""
	}
	return Config{
		Users: people("oi-carol"), Flows: append(r.leftOver(), oneStep("oi-short-login")),
		Brands: []Brand{brand, {Domain: "sub.oi.example.net", Title: "OI"}},
	}
}

// leftOver are flows of earlier tests at the recorded server, which come first
// where a brand has no flow of its own.
func (r *replay) leftOver() []Flow {
	if r.release != Release202608 {
		return nil
	}
	return []Flow{oneStep("contract-d5mxghpj-flow")}
}

func brands(r *replay) Config {
	logo := "https://cdn.example.com/logo.svg"
	if r.release != Release202510 {
		logo = "https://cdn.example.com/logo-%(theme)s.svg"
	}
	logout := titled(flowOf("st-logout", &UserLogoutStage{}))
	logout.Designation = DesignationInvalidation
	return Config{
		Users: people("st-plain"),
		Flows: append(r.leftOver(), titled(oneStep("st-login")), logout),
		Applications: []Application{
			{Slug: "st-start", Name: "Start", LaunchURL: "https://start.example.com/%(username)s"},
		},
		Brands: []Brand{
			{
				Domain: "st-brand.example.com", Title: "Steering Club", Logo: logo, Theme: "dark", Locale: "de",
				CSS:                ".pf-c-login { color: red; } /* </style> */",
				FlowAuthentication: "st-login", FlowInvalidation: "st-logout", FlowRecovery: "st-recover",
				FlowUnenrollment: "st-unenrol", FlowUserSettings: "st-settings", FlowDeviceCode: "st-device",
				DefaultApplication: "st-start",
			},
			{Domain: "st-bare.example.com", Title: "Bare"},
		},
	}
}

func flowSettings(r *replay) Config {
	only := func(slug string) Flow { return titled(flowOf(slug, dummy("st-dummy"))) }
	cfg := Config{Users: people("st-plain"), Flows: []Flow{titled(oneStep("st-login")), titled(flowOf("st-empty"))}}
	for _, layout := range []string{
		"stacked", "content_left", "content_right", "sidebar_left", "sidebar_right",
		"sidebar_left_frame_background", "sidebar_right_frame_background",
	} {
		f := only("st-layout-" + strings.ReplaceAll(layout, "_", "-"))
		f.Title, f.Layout = "%(user)s at %(app)s 100%", layout
		cfg.Flows = append(cfg.Flows, f)
	}
	background := only("st-background")
	background.Title, background.Background = "Hello %(user)s", "https://cdn.example.com/bg.jpg"
	if r.release != Release202510 {
		background.Background = "https://cdn.example.com/%(theme)s/bg.jpg"
	}
	cfg.Flows = append(cfg.Flows, background)
	for _, action := range []DeniedAction{DeniedMessage, DeniedMessageContinue, DeniedContinue} {
		f := only("st-denied-" + strings.ReplaceAll(string(action), "_", "-"))
		f.Title, f.DeniedAction, f.Policies = "%(user)s", action, []Policy{says(false, "Not today.")}
		cfg.Flows = append(cfg.Flows, f)
	}
	for _, need := range []Authentication{RequireOutpost, RequireSuperuser, RequireAuthenticated, RequireUnauthenticated} {
		f := only("st-" + strings.ReplaceAll(string(need), "_", "-"))
		f.Authentication = need
		if need == RequireSuperuser {
			f.Designation = DesignationStageConfiguration
		}
		cfg.Flows = append(cfg.Flows, f)
	}
	return cfg
}

func health(r *replay) Config {
	for _, metrics := range []string{"#4", "#5", "#8", "#9"} {
		r.skip(metrics, "metrics of the core, which no program in front of it reads")
	}
	return Config{}
}
