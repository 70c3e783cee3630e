package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func sourceScenarios() []scenario {
	return []scenario{
		{
			// The gate names its flow, so it does not accept a sign-in by a source, which
			// runs another flow. It offers no source, so that no visitor signs in twice.
			name: "a source is not offered", standIn: sourceStandIn, blueprint: sourceBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/x").asksFor("uid_field").press("Continue with " + s.unique("hub"))
				p = p.shows("This site does not accept signing in with").press("Use another way to sign in")
				p.asksFor("uid_field").signIn("alice").greets("alice", "/x")
			},
		},
	}
}

func sourceStandIn(n names) authentiktest.Config {
	hub := authentiktest.Source{
		Slug: n.unique("hub"), Name: n.unique("hub"), Kind: authentiktest.SourceOAuth, ClientID: "client", URL: n.url + "/hub/authorize",
	}
	cfg := identifiedStandIn(authentiktest.IdentificationStage{UserFields: usual, Sources: []authentiktest.Source{hub}})(n)
	cfg.Sources = []authentiktest.Source{hub}
	return cfg
}

// sourceBlueprint uses a generic OpenID Connect source with addresses on this
// machine: for other source types authentik connects to the internet.
func sourceBlueprint(n names) *draft {
	d := n.draft("alice").add("authentik_sources_oauth.oauthsource", "hub", Attrs{"slug": n.unique("hub")}, Attrs{
		"name": n.unique("hub"), "provider_type": "openidconnect", "consumer_key": "client", "consumer_secret": "secret", "enabled": true,
		"authorization_url": n.url + "/hub/authorize", "access_token_url": n.url + "/hub/token", "profile_url": n.url + "/hub/profile",
	})
	return d.identificationAs("flow", Attrs{"sources": []any{KeyOf("hub")}}).boundPassword("flow").login("flow")
}
