package authentiktest

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"
)

// The recorded clients have names, secrets and addresses after one pattern.
const (
	oidcPassword = "oi-Correct-Horse-7"
	callback     = "https://app.example.com/.authentik/callback"
)

// relying is an application that is a client: "oi-code" is Oi Code and has the
// secret oi-code-secret.
func relying(slug string, edit ...func(*Provider)) Application {
	p := &Provider{ClientID: slug, Secret: slug + "-secret", RedirectURIs: []string{callback}, GrantTypes: everyGrant}
	for _, one := range edit {
		one(p)
	}
	words := strings.SplitN(strings.TrimPrefix(slug, "oi-"), "-", 1)
	name := "Oi " + strings.ToUpper(words[0][:1]) + words[0][1:]
	if head, tail, found := strings.Cut(name, "-"); found {
		name = head + "-" + strings.ToUpper(tail[:1]) + tail[1:]
	}
	return Application{Slug: slug, Name: name, LaunchURL: "https://app.example.com/", Provider: p}
}

// everyGrant are all grant types, which a provider has that is older than the
// setting.
var everyGrant = []string{"authorization_code", "hybrid", "implicit", "refresh_token", "client_credentials", "password", grantDevice}

// explicit is the authorization flow that asks for consent.
func explicit(p *Provider) { p.AuthorizationFlow = "default-provider-authorization-explicit-consent" }

// through sets another authorization flow.
func through(slug string) func(*Provider) {
	return func(p *Provider) { p.AuthorizationFlow = slug }
}

// member is a user as the recorders of OpenID Connect made them: "oi-alice"
// is Alice Example.
func member(username string, groups ...string) User {
	u := person(username)
	name := strings.TrimPrefix(username, "oi-")
	u.Name, u.Password, u.Groups = strings.ToUpper(name[:1])+name[1:]+" Example", oidcPassword, groups
	return u
}

// asks returns an authorization flow that asks for consent.
func asks(slug string, stage *ConsentStage) Flow {
	return Flow{
		Slug: slug, Title: "Redirecting to %(app)s", Designation: DesignationAuthorization,
		Bindings: []Binding{{Stage: stage}},
	}
}

// signingKey is shared by all replays: generating a key is the slowest part of one.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
