package adminapi

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// tables are the objects, as the API shows them.
type tables struct {
	applications, providers, bindings, proxies []object
	groups, flows, scopes, keys                []object
	events                                     []object
	policies                                   map[string]authentiktest.Policy // by their primary keys
	lastPK                                     int
}

// managed are the scope mappings of every new authentik.
var managed = []struct{ managed, name string }{
	{"goauthentik.io/providers/oauth2/scope-email", "email"},
	{"goauthentik.io/providers/oauth2/scope-entitlements", "entitlements"},
	{"goauthentik.io/providers/oauth2/scope-offline_access", "offline_access"},
	{"goauthentik.io/providers/oauth2/scope-openid", "openid"},
	{"goauthentik.io/providers/oauth2/scope-profile", "profile"},
	{"goauthentik.io/providers/proxy/scope-proxy", "ak_proxy"},
}

func newTables(dialect) tables {
	t := tables{policies: map[string]authentiktest.Policy{}, lastPK: 20}
	for _, m := range managed {
		t.scopes = append(t.scopes, object{"pk": uuid(), "managed": m.managed, "scope_name": m.name})
	}
	t.keys = []object{{"pk": uuid(), "name": "authentik Self-signed Certificate"}}
	return t
}

func uuid() string {
	b := make([]byte, 16)
	rand.Read(b)
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], "4" + h[13:16], "8" + h[17:20], h[20:]}, "-")
}

func (t *tables) pk() int { t.lastPK++; return t.lastPK }

// find returns the object for which a field has a value, or nil.
func find(all []object, field string, value any) object {
	for _, one := range all {
		if one[field] == value {
			return one
		}
	}
	return nil
}

// without returns the objects except one.
func without(all []object, gone object) []object {
	return slices.DeleteFunc(slices.Clone(all), func(o object) bool { return o["pk"] == gone["pk"] })
}

// selected returns the objects for which the given fields have the values of the
// query, where it has one.
func (c call) selected(all []object, fields ...string) []object {
	query := c.URL.Query()
	return slices.DeleteFunc(slices.Clone(all), func(o object) bool {
		for _, field := range fields {
			text, _ := o[field].(string)
			if wanted := query[field]; len(wanted) > 0 && !slices.Contains(wanted, text) {
				return true
			}
		}
		return false
	})
}

// refresh reads the flows and groups of the server, which this API does not
// change.
func (a *API) refresh() {
	slugs := a.server.Slugs()
	for _, slug := range slices.Sorted(maps.Keys(slugs)) {
		if find(a.tables.flows, "slug", slug) == nil {
			a.tables.flows = append(a.tables.flows, object{"pk": uuid(), "slug": slug, "designation": string(slugs[slug])})
		}
	}
	a.tables.flows = slices.DeleteFunc(a.tables.flows, func(o object) bool {
		slug, _ := o["slug"].(string)
		_, there := slugs[slug]
		return !there
	})
	known := a.server.Groups()
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if find(a.tables.groups, "name", name) == nil {
			a.tables.groups = append(a.tables.groups, object{
				"pk": cmp.Or(known[name].PK, uuid()), "name": name, "is_superuser": known[name].Superuser, "attributes": object{},
			})
		}
	}
}

// adopt makes objects of the applications that the server has.
func (a *API) adopt() {
	a.refresh()
	apps, spare := a.server.Applications()
	for _, p := range spare {
		a.tables.providers = append(a.tables.providers, a.providerObject(p))
	}
	for _, app := range apps {
		one := newApplication(object{"name": cmp.Or(app.Name, app.Slug), "slug": app.Slug, "meta_launch_url": app.LaunchURL})
		if app.PolicyMode != "" {
			one["policy_engine_mode"] = string(app.PolicyMode)
		}
		if app.Provider != nil {
			p := a.providerObject(*app.Provider)
			a.tables.providers = append(a.tables.providers, p)
			one["provider"] = p["pk"]
		}
		a.tables.applications = append(a.tables.applications, one)
		for i, policy := range app.Policies {
			a.tables.bindings = append(a.tables.bindings, a.bindingOf(one, policy, i))
		}
	}
}

// bindingOf makes the object of a policy that the server has.
func (a *API) bindingOf(app object, policy authentiktest.Policy, order int) object {
	b := newBinding(object{"target": app["pk"], "order": order, "negate": policy.Negate})
	switch {
	case policy.Group != "":
		if g := find(a.tables.groups, "name", policy.Group); g != nil {
			b["group"] = g["pk"]
			return b
		}
		g := object{"pk": uuid(), "name": policy.Group, "is_superuser": false, "attributes": object{}}
		a.tables.groups = append(a.tables.groups, g)
		b["group"] = g["pk"]
	default:
		pk := uuid()
		a.tables.policies[pk] = policy
		b["policy"] = pk
	}
	return b
}

// publish gives the applications to the server, so that visitors meet them.
func (a *API) publish() {
	var apps []authentiktest.Application
	assigned := map[any]bool{}
	was, _ := a.server.Applications()
	for _, one := range a.tables.applications {
		slug, _ := one["slug"].(string)
		app := authentiktest.Application{Slug: slug}
		if i := slices.IndexFunc(was, func(w authentiktest.Application) bool { return w.Slug == slug }); i >= 0 {
			app = was[i]
		}
		app.Name, _ = one["name"].(string)
		app.LaunchURL, _ = one["meta_launch_url"].(string)
		mode, _ := one["policy_engine_mode"].(string)
		app.PolicyMode, app.Policies, app.Provider = authentiktest.PolicyMode(mode), a.policies(one), nil
		if p := find(a.tables.providers, "pk", one["provider"]); p != nil {
			provider := a.provider(p)
			app.Provider = &provider
			assigned[p["pk"]] = true
		}
		apps = append(apps, app)
	}
	var spare []authentiktest.Provider
	for _, p := range a.tables.providers {
		if !assigned[p["pk"]] {
			spare = append(spare, a.provider(p))
		}
	}
	a.server.SetApplications(apps, spare)
}

// policies returns what the bindings of an application mean.
func (a *API) policies(app object) (all []authentiktest.Policy) {
	for _, b := range a.tables.bindings {
		if b["target"] != app["pk"] || b["enabled"] != true {
			continue
		}
		policy := a.tables.policies[str(b["policy"])]
		if g := find(a.tables.groups, "pk", b["group"]); g != nil {
			policy = authentiktest.Policy{Group: str(g["name"])}
		}
		policy.Negate = b["negate"] == true
		all = append(all, policy)
	}
	return all
}

func str(v any) string { s, _ := v.(string); return s }

// AddProxy adds a proxy provider, which an outpost serves.
func (a *API) AddProxy(fields map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := object{
		"pk": a.tables.pk(), "component": "ak-provider-proxy-form", "mode": "proxy", "internal_host": "", "skip_path_regex": "",
		"cookie_domain": "", "internal_host_ssl_validation": true, "basic_auth_enabled": false, "intercept_header_auth": true,
		"access_token_validity": "hours=24", "assigned_application_slug": nil, "assigned_application_name": nil,
	}
	maps.Copy(one, fields)
	a.tables.proxies = append(a.tables.proxies, one)
}

// SetProvider changes fields of the OAuth2 provider with a client_id.
func (a *API) SetProvider(clientID string, fields map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.Copy(find(a.tables.providers, "client_id", clientID), fields)
}

// AddEvent adds an entry to authentik's log of events.
func (a *API) AddEvent(action, username, clientIP string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tables.events = append([]object{{
		"pk": uuid(), "action": action, "client_ip": clientIP, "user": object{"username": username}, "context": object{},
		"created": time.Now().UTC().Format(time.RFC3339Nano),
	}}, a.tables.events...)
}
