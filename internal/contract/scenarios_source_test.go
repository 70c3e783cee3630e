package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func sourceScenarios() []scenario {
	return []scenario{
		{
			// The gate of the contract names its flow, so no source counts at it. Nobody is led
			// away only to be asked once more.
			name: "a source that does not count here", standIn: sourceStandIn, blueprint: sourceBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/x").asks("uid_field").press("Continue with " + s.of("hub"))
				p = p.shows("This site does not accept signing in with").press("Use another way to sign in")
				p.asks("uid_field").signIn("alice").greets("alice", "/x")
			},
		},
	}
}

func sourceStandIn(n names) authentiktest.Config {
	hub := authentiktest.Source{
		Slug: n.of("hub"), Name: n.of("hub"), Kind: authentiktest.SourceOAuth, ClientID: "client", URL: n.url + "/hub/authorize",
	}
	cfg := identifiedStandIn(authentiktest.IdentificationStage{UserFields: usual, Sources: []authentiktest.Source{hub}})(n)
	cfg.Sources = []authentiktest.Source{hub}
	return cfg
}

// sourceBlueprint has a provider of OpenID Connect on this machine: for those
// that authentik knows by name it looks up addresses on the internet.
func sourceBlueprint(n names) *draft {
	d := n.draft("alice").add("authentik_sources_oauth.oauthsource", "hub", Attrs{"slug": n.of("hub")}, Attrs{
		"name": n.of("hub"), "provider_type": "openidconnect", "consumer_key": "client", "consumer_secret": "secret", "enabled": true,
		"authorization_url": n.url + "/hub/authorize", "access_token_url": n.url + "/hub/token", "profile_url": n.url + "/hub/profile",
	})
	return d.identificationAs("flow", Attrs{"sources": []any{KeyOf("hub")}}).passwordAlone("flow").login("flow")
}
