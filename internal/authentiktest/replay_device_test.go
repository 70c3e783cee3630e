package authentiktest

import "time"

// deviceFlow is the flow in which users enter the codes of their devices.
func deviceFlow(slug string) Flow {
	return Flow{
		Slug: slug, Title: "Device code", Designation: DesignationStageConfiguration, Authentication: RequireAuthenticated,
	}
}

func deviceCodes(*replay) Config {
	app := relying("st-device-app", through("st-consent-authz"))
	app.Name, app.Provider.Public, app.Provider.SecretSigns = "St Device App", true, true
	return Config{
		Users: people("st-device"), Applications: []Application{app},
		Brands: []Brand{
			{
				Domain: "st-brand.example.com", Title: "Steering Club", Locale: "de",
				FlowAuthentication: "st-login", FlowDeviceCode: "st-device",
			},
			{Domain: "st-bare.example.com"},
		},
		Flows: []Flow{
			titled(oneStep("st-login")), deviceFlow("st-device"),
			asks("st-consent-authz", &ConsentStage{Mode: ConsentPermanent}),
		},
	}
}

func tokensDeviceCode(r *replay) Config {
	r.signedIn(1, "oi-alice")
	r.signedIn(2, "oi-alice")
	c := newClock()
	r.wait(c, "poll after the end", 3*time.Second)
	alice := member("oi-alice", "oi-machines", "oi-staff")
	if r.release == Release202608 {
		alice.Groups = []string{"app-oi-crm-users", "oi-staff"}
	}
	lasting := func(d time.Duration) func(*Provider) { return func(p *Provider) { p.CodeValidity = d } }
	return Config{
		Now: c.now, Users: []User{alice}, Flows: []Flow{deviceFlow("oi-device-flow")},
		Brands: []Brand{{Domain: "login.oi.example.net", Title: "OI", FlowDeviceCode: "oi-device-flow"}},
		Applications: []Application{
			relying("oi-device", lasting(5*time.Minute)), relying("oi-device-short", lasting(2*time.Second)),
		},
	}
}
