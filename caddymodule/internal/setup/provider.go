package setup

import (
	"fmt"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// minSecret is the minimum length of a secret from a file.
const minSecret = 32

// provider plans the provider, and the file with its secret.
func (p *Plan) provider(w Wanted, s State) error {
	fields := providerFields(w, s)
	p.ClientID, p.LogoutBack = w.clientID(), len(redirects(w, s)) > 1
	if s.scope(scopeProxy) != "" {
		p.Scopes = []string{"openid", "profile", "email", "ak_proxy"}
	} else {
		p.note("authentik has no scope ak_proxy, so that attributes of users cannot be used")
	}
	secret, err := p.secret(w, s)
	if err != nil {
		return err
	}
	if s.Named == nil {
		if secret != "" {
			fields["client_secret"] = secret
		}
		p.Steps = append(p.Steps, addProvider{fields})
		return nil
	}
	step := changeProvider{pk: s.Named.PK, name: s.Named.Name, was: admin.Fields{}, now: admin.Fields{}}
	for field, value := range fields {
		is, there := s.Named.Raw[field]
		if there && !same(field, likeWanted(is, value), value) {
			step.was[field], step.now[field] = is, value
		}
	}
	if secret != "" && secret != s.Named.ClientSecret {
		step.now["client_secret"] = secret
	}
	if len(step.now) > 0 {
		p.Steps = append(p.Steps, step)
	}
	return nil
}

// secret plans the file with the client secret. It returns the secret for the
// provider, or "" if the provider needs no secret or keeps its own.
func (p *Plan) secret(w Wanted, s State) (string, error) {
	has := ""
	if s.Named != nil {
		has = s.Named.ClientSecret
	}
	switch {
	case !w.hasSecret():
		return "", nil
	case s.Named != nil && has == "" && s.Secret != "":
		p.note("the token may not see the client secret; %s is taken to hold it", w.SecretFile)
		return "", nil
	case s.Secret == "" && has != "":
		p.Steps = append(p.Steps, writeSecret{w.SecretFile, has})
		return "", nil
	case s.Secret == "":
		p.Steps = append(p.Steps, writeSecret{w.SecretFile, w.Fresh})
		return w.Fresh, nil
	case has == s.Secret:
		return "", nil
	case has != "":
		return "", fmt.Errorf("--secret-file: %s holds another secret than the provider %q has; name another file, or move that one away", w.SecretFile, s.Named.Name)
	case len(s.Secret) < minSecret:
		return "", fmt.Errorf("--secret-file: the secret in %s has %d characters and needs %d; move the file away, and setup makes a new one", w.SecretFile, len(s.Secret), minSecret)
	}
	return s.Secret, nil
}

// providerFields are the fields of the provider. A release ignores the fields
// that it does not know.
func providerFields(w Wanted, s State) admin.Fields {
	fields := admin.Fields{
		"name": w.providerName(), "client_id": w.clientID(), "client_type": "confidential",
		"authorization_flow": s.AuthorizationFlow, "invalidation_flow": s.InvalidationFlow,
		"redirect_uris": redirects(w, s), "grant_types": []any{"authorization_code", "refresh_token"},
		"property_mappings": mappings(s), "signing_key": s.Key, "sub_mode": "hashed_user_id",
		"include_claims_in_id_token": true,
		// Longer than "recheck", since authentik reports the end of a session only
		// while it has a valid access token.
		"access_token_validity": "minutes=10", "refresh_token_validity": "days=30",
		"logout_uri": w.address("/backchannel-logout"), "logout_method": "backchannel",
		"backchannel_logout_uri": w.address("/backchannel-logout"),
	}
	if w.Public {
		fields["client_type"] = "public"
	}
	return fields
}

// mappings are the scopes that the gate may request.
func mappings(s State) []any {
	all := []any{}
	for _, scope := range s.Scopes {
		all = append(all, scope.PK)
	}
	return all
}

// redirects are the addresses to which browsers may return. Releases before
// 2026.5 would send authorization codes to an address of the type logout.
func redirects(w Wanted, s State) []any {
	callback := map[string]any{"matching_mode": "strict", "url": w.address("/callback")}
	if s.Known && s.Release.Compare(admin.WithLogoutAddresses) < 0 {
		return []any{callback}
	}
	callback["redirect_uri_type"] = "authorization"
	if !w.redirects() {
		return []any{callback}
	}
	return []any{callback, map[string]any{"matching_mode": "strict", "url": w.address("/logout"), "redirect_uri_type": "logout"}}
}

// likeWanted returns a list of objects with only the members that the wanted
// objects have, since releases differ in the others.
func likeWanted(is, want any) any {
	list, _ := is.([]any)
	wanted, _ := want.([]any)
	if len(list) == 0 || len(wanted) == 0 {
		return is
	}
	members, ok := wanted[0].(map[string]any)
	if !ok {
		return is
	}
	alike := []any{}
	for _, one := range list {
		object, _ := one.(map[string]any)
		kept := map[string]any{}
		for name := range members {
			if value, there := object[name]; there {
				kept[name] = value
			}
		}
		alike = append(alike, kept)
	}
	return alike
}
