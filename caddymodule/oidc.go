package caddymodule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// clientID is what RFC 6749 allows (A.1), as long as authentik keeps it, without
// blanks at its ends: they come of copying.
var clientID = regexp.MustCompile(`^[!-~]([ -~]{0,253}[!-~])?$`)

func checkClientID(text string) error {
	if !clientID.MatchString(text) {
		return fmt.Errorf("%q is no client id; write what authentik's provider shows as Client ID", text)
	}
	return nil
}

// scopeToken is a scope by RFC 6749, 3.3.
var scopeToken = regexp.MustCompile(`^[!#-\[\]-~]+$`)

func checkScopes(scopes []string) (wrong mistakes) {
	for i, scope := range scopes {
		switch {
		case !scopeToken.MatchString(scope):
			wrong = append(wrong, fmt.Errorf(`scopes: %q is no scope; write scopes with blanks between them, each without blanks, " and \`, scope))
		case slices.Contains(scopes[:i], scope):
			wrong = append(wrong, fmt.Errorf("scopes: %s is there twice; leave one of them out", scope))
		}
	}
	return wrong
}

// contradictions says what does not go together, with OpenID Connect or without:
// an option that has no effect would leave its writer in the belief that it has.
func (h *Handler) contradictions(oidc bool) (all []contradiction) {
	wrong := func(is bool, option string, err error) {
		if is {
			all = append(all, contradiction{option, err})
		}
	}
	option, err := h.checkToldHost()
	wrong(err != nil, option, err)
	if oidc {
		wrong(h.Application == "", "client_id", errors.New(
			"client_id needs the application whose provider the client is registered at; write application <slug> too"))
		wrong(h.Flow != "", "flow", errors.New(
			"flow does not go with client_id, as authentik's provider picks the flow; leave flow out, and choose the flow at the provider"))
		return all
	}
	for _, needs := range []struct {
		option, called string
		given          bool
	}{
		{"client_secret", "client_secret", h.ClientSecret != ""},
		{"scopes", "scopes", len(h.Scopes) > 0},
		{"require mfa", "require mfa", h.RequireMFA},
		{"max_age", "max_age", h.MaxAge != ""},
		{"login", "login redirect", h.Login == string(proxy.LoginRedirect)},
	} {
		wrong(needs.given, needs.option, fmt.Errorf(
			"%s is for OpenID Connect alone; write client_id and application too, or leave %[1]s out", needs.called))
	}
	return all
}

// oidcConfig is the gate's registration as a client, or none.
func (h *Handler) oidcConfig() proxy.OIDCConfig {
	return proxy.OIDCConfig{
		ClientID:        h.ClientID,
		ClientSecret:    h.ClientSecret,
		Scopes:          h.Scopes,
		RequireMFA:      h.RequireMFA,
		MaxAge:          duration(h.MaxAge),
		KeepAccessToken: slices.ContainsFunc(h.Headers.Own, Header.tellsToken),
	}
}
