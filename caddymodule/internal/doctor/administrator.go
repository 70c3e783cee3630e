package doctor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// administrator checks what only an administrator of authentik can see.
func (x *subject) administrator(ctx context.Context) []Finding {
	if x.api() == nil {
		return nil
	}
	if _, err := x.api().Me(ctx); err != nil {
		return []Finding{x.refused(err)}
	}
	var all []Finding
	if x.gate.Application != "" {
		all = append(all, x.bindings(ctx)...)
	}
	if x.gate.ClientID != "" {
		all = append(all, x.registration(ctx)...)
	}
	return all
}

// refused reports why the API did not answer.
func (x *subject) refused(err error) Finding {
	var refused *admin.RefusedError
	switch {
	case errors.As(err, &refused) && refused.Right != "":
		return found("token-rights", err.Error(), "")
	case errors.As(err, &refused) && refused.BadToken():
		return found("token-rejected", err.Error(), "")
	}
	return skipped("administrator", err.Error())
}

// bindings reports which users may use the application.
func (x *subject) bindings(ctx context.Context) []Finding {
	app, there, err := x.api().Application(ctx, x.gate.Application)
	if err != nil {
		return []Finding{x.refused(err)}
	}
	if !there {
		return nil // a check without a token reports it
	}
	bindings, err := x.api().Bindings(ctx, app.PK)
	if err != nil {
		return []Finding{x.refused(err)}
	}
	var who []string
	for _, b := range bindings {
		text := b.Whom()
		if b.Negate {
			text = "not " + text
		}
		if b.Enabled {
			who = append(who, text)
		}
	}
	if len(who) == 0 {
		return nil // a check without a token reports it
	}
	return []Finding{fine("bindings", fmt.Sprintf("%s of %q: %s", app.PolicyMode, app.Slug, join(who)))}
}

// registration checks the provider of the client.
func (x *subject) registration(ctx context.Context) (all []Finding) {
	list, err := x.api().ProvidersOf(ctx, x.gate.ClientID)
	if err != nil {
		return []Finding{x.refused(err)}
	}
	if len(list) == 0 {
		return []Finding{found("client-rejected", fmt.Sprintf("authentik has no OAuth2 provider with the client ID %q", x.gate.ClientID), "correct client_id, or make the provider with caddy authentik setup --openid")}
	}
	p := list[0]
	for _, field := range checkedFields {
		if _, there := p.Raw[field]; !there {
			all = append(all, skipped("administrator", fmt.Sprintf("authentik does not tell the field %q of the provider, which is not checked then", field)))
		}
	}
	if slug, there := p.Raw["assigned_application_slug"]; there && slug != x.gate.Application {
		all = append(all, found("provider-missing", fmt.Sprintf("the client %q belongs to the application %q, and not to %q", x.gate.ClientID, p.ApplicationSlug, x.gate.Application),
			"write the application that the provider belongs to"))
	}
	if callback := x.gate.Origin + x.gate.prefix() + "/callback"; x.gate.Origin != "" && !registered(p.Raw, callback, "authorization") {
		all = append(all, found("redirect-uri-rejected", "the provider does not have the redirect URI "+callback, "add it in authentik as a strict redirect URI of the type authorization"))
	}
	if back := x.gate.Origin + x.gate.prefix() + "/logout"; x.gate.SignOutBack && !registered(p.Raw, back, "logout") {
		all = append(all, found("logout-uri-missing", "sign_out_back is set, and the provider does not have "+back+" as an address of the type logout",
			"add it in authentik, or leave sign_out_back out: authentik 2026.8 refuses such sign-outs"))
	}
	if missing := missingGrants(p.Raw); len(missing) > 0 {
		all = append(all, found("grant-types", "the provider does not allow the grant types "+join(missing), "allow authorization code and refresh token at the provider in authentik"))
	}
	if p.Raw["encryption_key"] != nil {
		all = append(all, found("token-encrypted", "the provider encrypts its tokens, which the gate does not read", "remove the encryption key from the provider in authentik"))
	}
	if key, there := p.Raw["signing_key"]; there && key == nil {
		all = append(all, x.withoutKey()...)
	}
	return append(all, x.logoutAddress(p)...)
}

// checkedFields are the fields of a provider that are checked and that every
// known release has.
var checkedFields = []string{"assigned_application_slug", "redirect_uris", "signing_key", "encryption_key"}

// logoutAddress checks the address to which authentik sends logout notices.
func (x *subject) logoutAddress(p admin.Provider) []Finding {
	address, there := p.Raw["logout_uri"].(string)
	if old, before := p.Raw["backchannel_logout_uri"].(string); address == "" {
		address, there = old, there || before
	}
	if !there {
		return []Finding{skipped("administrator", "authentik does not tell where the provider sends logout notices, which is not checked then")}
	}
	want := x.gate.Origin + x.gate.prefix() + "/backchannel-logout"
	if x.gate.Origin == "" || address == want || address == x.gate.Origin+x.gate.prefix()+"/frontchannel-logout" {
		return nil
	}
	// Of several sites with one client, only one gets notices, and the others
	// may share its sessions.
	if slices.ContainsFunc(x.Setup.all, func(g Gate) bool {
		return g.ClientID == x.gate.ClientID && g.URL == x.gate.URL && address == g.Origin+g.prefix()+"/backchannel-logout"
	}) {
		return nil
	}
	seen := "the provider has no address for logout notices"
	if address != "" {
		seen = "the provider sends logout notices to " + address + ", and not to " + want
	}
	return []Finding{found("backchannel-unset", seen, "set the logout URI of the provider to "+want+", with the method back-channel")}
}

// registered reports whether a provider has a redirect URI.
func registered(raw admin.Fields, address, kind string) bool {
	list, there := raw["redirect_uris"].([]any)
	if !there {
		return true // the redirect URI is not known
	}
	return slices.ContainsFunc(list, func(one any) bool {
		u, _ := one.(map[string]any)
		text, _ := u["url"].(string)
		if of, typed := u["redirect_uri_type"].(string); typed && of != kind || !typed && kind != "authorization" {
			return false
		}
		if u["matching_mode"] == "regex" {
			pattern, err := regexp.Compile("^(?:" + text + ")$")
			return err == nil && pattern.MatchString(address)
		}
		return text == address
	})
}

// missingGrants returns the grant types that the gate needs and a provider does not
// allow. Releases before 2026.5 have none.
func missingGrants(raw admin.Fields) (missing []string) {
	allowed, limits := raw["grant_types"].([]any)
	if !limits {
		return nil
	}
	for _, grant := range []string{"authorization_code", "refresh_token"} {
		if !slices.Contains(allowed, any(grant)) {
			missing = append(missing, strings.ReplaceAll(grant, "_", " "))
		}
	}
	return missing
}

// visitorAddress checks which address authentik has recorded for the sign-in of
// the test user.
func (x *subject) visitorAddress(ctx context.Context, actions ...string) []Finding {
	if x.api() == nil {
		return nil
	}
	for _, action := range actions {
		events, err := x.api().Events(ctx, action, x.User)
		if err != nil {
			return []Finding{x.refused(err)}
		}
		i := slices.IndexFunc(events, func(e admin.Event) bool { return e.User.Username == x.User || e.Context["username"] == x.User })
		if i < 0 {
			continue
		}
		if events[i].ClientIP == "" {
			return []Finding{skipped("address", "authentik does not tell at which address it has seen the visitor")}
		}
		if events[i].ClientIP == Visitor {
			return []Finding{fine("address", "authentik sees the visitor's own address")}
		}
		return []Finding{found("address-not-seen", "authentik has seen the visitor at "+events[i].ClientIP+", and not at "+Visitor+", where the doctor said it was",
			"name Caddy's address in authentik's AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS, and let proxies in front of authentik pass on X-Forwarded-For")}
	}
	return nil
}
