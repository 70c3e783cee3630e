package e2e

import (
	"net/http"
	"slices"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// clientSecret is what the gate proves with that it is the client.
const clientSecret = "only-for-the-client"

// client is an application of authentik's with its provider. Where its addresses are, a site says when it has
// one.
func client(slug string) authentiktest.Application {
	return authentiktest.Application{Slug: slug, Name: slug, Provider: &authentiktest.Provider{
		ClientID: "gate of " + slug, Secret: clientSecret, InvalidationFlow: "default-invalidation-flow",
		GrantTypes: []string{"authorization_code", "refresh_token"},
	}}
}

// asClient are the options of a gate that is the client of an application.
func asClient(slug string, more ...string) []string {
	return append([]string{"application " + slug, `client_id "gate of ` + slug + `"`, "client_secret {env.CLIENT_SECRET}"}, more...)
}

// connected has the sign-ins of a site rest on OpenID Connect.
func connected(u setup) setup {
	u.authentik.Applications = append(slices.Clone(u.authentik.Applications), client("app"))
	u.authentik.LogoutClient = &http.Client{Transport: insecure()}
	u.gate, u.env = asClient("app", u.gate...), append(slices.Clone(u.env), "CLIENT_SECRET="+clientSecret)
	return u
}

// meet tells authentik where the site of an application is, if it is a client. The gate may have several
// prefixes there.
func (s *site) meet(slug, address string, prefixes ...string) {
	s.standIn.EditApplication(slug, func(a *authentiktest.Application) {
		if a.Provider == nil {
			return
		}
		p := *a.Provider
		p.RedirectURIs, p.LogoutURIs, p.BackchannelURI = nil, nil, address+"/.authentik/backchannel-logout"
		for _, prefix := range append(prefixes, "/.authentik") {
			p.RedirectURIs = append(p.RedirectURIs, address+prefix+"/callback")
			p.LogoutURIs = append(p.LogoutURIs, address+prefix+"/logout")
		}
		a.Provider = &p
	})
}
