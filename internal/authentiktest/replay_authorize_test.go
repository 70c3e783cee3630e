package authentiktest

import "time"

func oidcConsentModes(r *replay) Config {
	r.signedIn(0, "oi-conrad")
	c := newClock()
	r.before("expiring: more than twenty seconds later", func() { c.pass(21 * time.Second) })
	return Config{
		Now: c.now, Users: []User{member("oi-conrad")},
		Flows: []Flow{
			asks("oi-consent-permanent", &ConsentStage{Mode: ConsentPermanent}), asks("oi-consent-always", &ConsentStage{}),
			asks("oi-consent-expiring", &ConsentStage{Mode: ConsentExpiring, Expires: 20 * time.Second}),
		},
		Applications: []Application{
			relying("oi-cm-permanent", through("oi-consent-permanent")),
			relying("oi-cm-always", through("oi-consent-always")),
			relying("oi-cm-expiring", through("oi-consent-expiring")),
		},
	}
}

func oidcPromptAndMaxAge(r *replay) Config {
	r.signedIn(1, "oi-max")
	c := newClock()
	later := func() { c.pass(2 * time.Second) }
	r.before("max_age=1, signed in longer ago", later)
	if r.release != Release202608 { // whose recorder was quicker
		r.before("back at authorize right after the new sign-in", later)
	}
	r.before("signed in (requests left out), back at authorize: sent to sign in a second time", func() {
		r.signedIn(2, "oi-max")
	})
	if r.release == Release202605 {
		r.skip("prompt=none, signed in, application policy denies",
			"of this page the recording lacks the last words, which other recordings of it have")
	}
	denied := relying("oi-denied")
	denied.Policies = []Policy{says(false, "Only on Sundays.")}
	return Config{
		Now: c.now, Users: []User{member("oi-max")},
		Applications: []Application{relying("oi-code"), relying("oi-consent", explicit), denied},
	}
}
