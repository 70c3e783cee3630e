package rules

import (
	"errors"
	"fmt"
)

// Given says which options a configuration has.
type Given struct {
	Application, Flow                bool
	ClientID, ClientSecret, Scopes   bool
	RequireMFA, MaxAge, SignOutBack  bool
	KeepAccessToken, LoginByRedirect bool
	// LoginAt says that visitors sign in at a login host.
	LoginAt bool
	// LoginPage says that visitors sign in on the site's own page, and at a
	// login host only if authentik wants something that the page cannot do.
	LoginPage bool
	// Assertion says that a header has a signed assertion, and AboutAssertion that
	// options configure assertions.
	Assertion, AboutAssertion, Site bool
}

// A Conflict is a mistake in a combination of options. Option is the option to
// report, by its name in JSON and in a Caddyfile.
type Conflict struct {
	Option string
	Err    error
}

// Conflicts returns the mistakes in a combination of options. An option without
// an effect is a mistake, since its author believes that it has one.
func (g Given) Conflicts() []Conflict {
	all := g.aboutAssertions()
	if !g.ClientID {
		return append(all, g.needOpenID()...)
	}
	if !g.Application {
		all = append(all, Conflict{"client_id", errors.New(
			"client_id needs the application whose provider the client is registered at; write application <slug> too")})
	}
	if g.Flow {
		all = append(all, Conflict{"flow", errors.New(
			"flow cannot be used with client_id, as authentik's provider picks the flow; leave flow out, and choose the flow at the provider")})
	}
	return all
}

func (g Given) aboutAssertions() (all []Conflict) {
	if g.Assertion && !g.Site {
		all = append(all, Conflict{"headers", errors.New(
			"an assertion says which site it comes from; write site https://app.example.com too, with the name of this site")})
	}
	if g.AboutAssertion && !g.Assertion {
		all = append(all, Conflict{"assertion", errors.New(
			"assertion has no effect, since no header contains one; write headers with a line such as X-Auth-Assertion assertion, or leave it out")})
	}
	return all
}

// needOpenID returns a conflict for every option that has no effect without
// OpenID Connect.
func (g Given) needOpenID() (all []Conflict) {
	for _, o := range []struct {
		option, name string
		given        bool
	}{
		{"client_secret", "client_secret", g.ClientSecret},
		{"scopes", "scopes", g.Scopes},
		{"require mfa", "require mfa", g.RequireMFA},
		{"max_age", "max_age", g.MaxAge},
		{"sign_out_back", "sign_out_back", g.SignOutBack},
		{"login", "login redirect", g.LoginByRedirect},
		{"headers", "the access token", g.KeepAccessToken},
	} {
		demand := o.option == "require mfa" || o.option == "max_age"
		switch {
		case o.given && demand && g.LoginAt && !g.LoginPage: // the login host sees how visitors sign in
		case o.given && demand && g.LoginAt:
			all = append(all, Conflict{o.option, fmt.Errorf(
				"%s cannot be used with login page or at: only the login host sees how and when a visitor has signed in; write login at, without page or", o.name)})
		case o.given && g.LoginAt:
			all = append(all, Conflict{o.option, fmt.Errorf(
				"%s cannot be used with login at, as it needs OpenID Connect; write client_id and application instead of login at, or leave %[1]s out", o.name)})
		case o.given:
			all = append(all, Conflict{o.option, fmt.Errorf(
				"%s needs OpenID Connect; write client_id and application too, or leave %[1]s out", o.name)})
		}
	}
	return all
}
