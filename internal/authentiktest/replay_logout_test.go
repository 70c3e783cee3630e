package authentiktest

func logoutEndSession(r *replay) Config {
	for _, browser := range []int{1, 2, 3, 4, 5, 7} {
		r.signedIn(browser, "oi-olga")
	}
	r.holds(held{client: "oi-end", before: 0, at: 0, access: 4, refresh: 11, hint: 7})
	r.holds(held{client: "oi-end-full", before: 17, at: 17, access: 21, refresh: 22})
	for _, at := range []int{12, 13, 14, 16} {
		r.cancels(at)
	}
	full := relying("oi-end-full", func(p *Provider) { p.InvalidationFlow = "default-invalidation-flow" })
	denied := relying("oi-denied")
	denied.Policies = []Policy{says(false, "Only on Sundays.")}
	out := func(p *Provider) { p.LogoutURIs = []string{"https://app.example.com/.authentik/logged-out"} }
	out(full.Provider)
	return Config{
		Users: []User{member("oi-olga")}, Flows: []Flow{asks("oi-consent-always", &ConsentStage{})},
		Applications: []Application{
			relying("oi-end", out), full, denied, relying("oi-cm-always", through("oi-consent-always")),
		},
	}
}

func logoutFrontchannel(r *replay) Config {
	r.signedIn(1, "oi-finn")
	r.signedIn(2, "oi-finn")
	for _, name := range []string{"oi-fc", "oi-fc2"} {
		r.holds(held{client: name, before: 0, at: 0})
		r.holds(held{client: name, before: 4, at: 4})
	}
	const page = "https://app.example.com/.authentik/frontchannel-logout"
	told := func(uri string) func(*Provider) { return func(p *Provider) { p.LogoutURI = uri } }
	return Config{
		Users:        []User{member("oi-finn")},
		Applications: []Application{relying("oi-fc", told(page)), relying("oi-fc2", told(page+"?app=2"))},
	}
}
