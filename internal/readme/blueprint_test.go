package readme

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// blueprintFile is what administrators of authentik are given.
const blueprintFile = "docs/authentik-blueprint.yaml"

// own are the lines that everybody has to edit.
var own = []string{"host", "slug", "name", "client_id", "client_secret"}

// edited is what somebody may make of the five lines, and of the others.
var (
	edited = map[string]any{
		"host": "wiki.example.org:8443", "slug": "The_wiki-1", "name": `The "wiki": 100 %`, "client_id": "wiki", "client_secret": "4f1d",
	}
	editedFully = with(edited, map[string]any{"group": "wiki's members", "post_logout_redirect": true})
)

func with(values, others map[string]any) map[string]any {
	all := maps.Clone(values)
	maps.Copy(all, others)
	return all
}

// models are those that authentik 2025.10 and 2026.5 both know, with their
// attributes: from the schema of the API, as far as both have told them.
var models = map[string][]string{
	"authentik_providers_oauth2.oauth2provider": {
		"name", "authentication_flow", "authorization_flow", "invalidation_flow", "property_mappings", "client_type", "client_id",
		"client_secret", "access_code_validity", "access_token_validity", "refresh_token_validity", "include_claims_in_id_token",
		"signing_key", "encryption_key", "redirect_uris", "sub_mode", "issuer_mode", "jwt_federation_sources", "jwt_federation_providers",
	},
	"authentik_core.application": {
		"name", "slug", "provider", "backchannel_providers", "open_in_new_tab", "meta_launch_url", "meta_description", "meta_publisher",
		"policy_engine_mode", "group",
	},
	"authentik_core.group":             {"name", "is_superuser", "attributes", "users", "roles"},
	"authentik_policies.policybinding": {"policy", "group", "user", "target", "negate", "enabled", "order", "timeout", "failure_result"},
}

// ignored are attributes of a provider that one release has and another ignores without
// a word: grant_types is newer than both that were asked, and the logout has had
// two names.
var ignored = []string{"backchannel_logout_uri", "grant_types", "logout_method", "logout_uri"}

// stock is what every authentik of both releases brings, and blueprints may look up.
var stock = []string{
	"authentik_flows.flow slug=default-provider-authorization-implicit-consent",
	"authentik_flows.flow slug=default-invalidation-flow",
	"authentik_crypto.certificatekeypair name=authentik Self-signed Certificate",
	scopeMapping + "openid", scopeMapping + "email", scopeMapping + "profile", scopeMapping + "offline_access", scopeMapping + "entitlements",
}

const scopeMapping = "authentik_providers_oauth2.scopemapping managed=goauthentik.io/providers/oauth2/scope-"

func TestTheBlueprintNamesNothingThatAReleaseDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, values := range []map[string]any{edited, editedFully} {
		for _, e := range resolve(t, values) {
			known, found := models[e.model]
			if !found {
				t.Errorf("%s is no model of both releases", e.model)
			}
			for name := range with(e.identifiers, e.attrs) {
				may := slices.Contains(known, name) ||
					e.model == "authentik_providers_oauth2.oauth2provider" && slices.Contains(ignored, name)
				if !may {
					t.Errorf("%s has no %s in both releases", e.model, name)
				}
			}
			for _, f := range lookUps(e.attrs) {
				if !slices.Contains(stock, f) {
					t.Errorf("%s is nothing that authentik brings", f)
				}
			}
		}
	}
}

// lookUps are all of what is to be found.
func lookUps(v any) (all []string) {
	switch v := v.(type) {
	case find:
		return []string{string(v)}
	case []any:
		for _, one := range v {
			all = append(all, lookUps(one)...)
		}
	case map[string]any:
		for _, one := range v {
			all = append(all, lookUps(one)...)
		}
	}
	return all
}

func TestTheBlueprintHasWhatItMakesOfTheFiveLines(t *testing.T) {
	t.Parallel()
	entries := resolve(t, edited)
	var made []string
	for _, e := range entries {
		made = append(made, e.model)
		if e.state != "present" {
			t.Errorf("%s shall be %s", e.model, e.state)
		}
	}
	want := []string{"authentik_providers_oauth2.oauth2provider", "authentik_core.application"}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Fatalf("it makes (-want +got):\n%s", diff)
	}
	provider, app := entries[0], entries[1]
	for name, want := range map[string]any{"client_id": "wiki", "client_secret": "4f1d", "client_type": "confidential"} {
		if provider.attrs[name] != want {
			t.Errorf("%s is %v", name, provider.attrs[name])
		}
	}
	if diff := cmp.Diff(map[string]any{"slug": "The_wiki-1"}, app.identifiers); diff != "" {
		t.Errorf("the application is known by (-want +got):\n%s", diff)
	}
	attrs := map[string]any{
		"name": `The "wiki": 100 %`, "provider": keyOf(provider.id), "meta_launch_url": "https://wiki.example.org:8443/",
	}
	if diff := cmp.Diff(attrs, app.attrs); diff != "" {
		t.Errorf("the application is given (-want +got):\n%s", diff)
	}
}

func TestTheBlueprintLetsAGroupAloneIn(t *testing.T) {
	t.Parallel()
	entries := resolve(t, editedFully)
	if len(entries) != 4 {
		t.Fatalf("%d entries", len(entries))
	}
	app, group, binding := entries[1], entries[2], entries[3]
	if group.identifiers["name"] != "wiki's members" || len(group.attrs) != 0 {
		t.Errorf("a group that is there may be changed: %v", group)
	}
	if diff := cmp.Diff(map[string]any{"target": keyOf(app.id), "group": keyOf(group.id)}, binding.identifiers); diff != "" {
		t.Errorf("it binds (-want +got):\n%s", diff)
	}
	if binding.attrs["negate"] != false || binding.attrs["enabled"] != true || binding.attrs["failure_result"] != false {
		t.Errorf("it binds with %v", binding.attrs)
	}
}

// The addresses are those below the prefix that a gate has by itself.
func TestTheBlueprintLeadsToTheGate(t *testing.T) {
	t.Parallel()
	gate := "https://wiki.example.org:8443" + found(t, `cfg\.Prefix = "([^"]+)"`, read(t, "proxy/config.go"))[0]
	callback := map[string]any{"matching_mode": "strict", "url": gate + "/callback"}
	for name, c := range map[string]struct {
		values map[string]any
		want   []any
	}{
		"as it comes": {edited, []any{callback}},
		"from 2026.5 on": {editedFully, []any{
			with(callback, map[string]any{"redirect_uri_type": "authorization"}),
			map[string]any{"matching_mode": "strict", "url": gate + "/logout", "redirect_uri_type": "logout"},
		}},
	} {
		provider := resolve(t, c.values)[0].attrs
		if diff := cmp.Diff(c.want, provider["redirect_uris"]); diff != "" {
			t.Errorf("%s browsers are sent to (-want +got):\n%s", name, diff)
		}
		for _, attr := range []string{"logout_uri", "backchannel_logout_uri"} {
			if provider[attr] != gate+"/backchannel-logout" {
				t.Errorf("%s: %s is %v", name, attr, provider[attr])
			}
		}
		if provider["logout_method"] != "backchannel" {
			t.Errorf("%s: logouts are told by %v", name, provider["logout_method"])
		}
	}
}

func TestTheBlueprintSuitsAGateWithDefaults(t *testing.T) {
	t.Parallel()
	provider := resolve(t, edited)[0].attrs
	if diff := cmp.Diff([]any{"authorization_code", "refresh_token"}, provider["grant_types"]); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if provider["sub_mode"] != "hashed_user_id" || provider["encryption_key"] != nil || provider["include_claims_in_id_token"] != true {
		t.Errorf("the provider is %v", provider)
	}
	if _, signs := provider["signing_key"].(find); !signs {
		t.Errorf("it signs with %v", provider["signing_key"])
	}
	config := read(t, "proxy/config.go")
	recheck, lifetime := setting(t, config, "Recheck", "Minute"), setting(t, config, "Lifetime", "Hour")
	if access := validity(t, provider, "access_token_validity"); access <= recheck || access > time.Hour {
		t.Errorf("access tokens are valid for %v, with a recheck every %v", access, recheck)
	}
	if refresh := validity(t, provider, "refresh_token_validity"); refresh < lifetime {
		t.Errorf("refresh tokens are valid for %v, and sessions for %v", refresh, lifetime)
	}
	scopes := found(t, `"([a-z]+)"`, found(t, `OIDC\.Scopes = \[\]string\{(.*)\}`, config)[0])
	mapped := lookUps(provider["property_mappings"])
	for _, scope := range append(scopes, "openid", "offline_access") {
		if !slices.Contains(mapped, scopeMapping+scope) {
			t.Errorf("the scope %s cannot be asked for", scope)
		}
	}
}

// setting is a default of the gate's.
func setting(t *testing.T, config, name, unit string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(found(t, `cfg\.`+name+` = (\d+) \* time\.`+unit, config)[0])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * map[string]time.Duration{"Minute": time.Minute, "Hour": time.Hour}[unit]
}

// validity reads a duration as authentik writes it: minutes=10, or days=1;hours=2.
func validity(t *testing.T, attrs map[string]any, name string) (all time.Duration) {
	t.Helper()
	units := map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}
	for part := range strings.SplitSeq(fmt.Sprint(attrs[name]), ";") {
		unit, number, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(number)
		if err != nil || units[unit] == 0 {
			t.Fatalf("%s is %v", name, attrs[name])
		}
		all += time.Duration(n) * units[unit]
	}
	return all
}

// Nobody is let in by a secret that stands in a file which everybody can read, and
// older releases send codes to every address in the list.
func TestTheBlueprintIsSafeAsItComes(t *testing.T) {
	t.Parallel()
	as := context(t)
	if secret, there := as["client_secret"]; secret != nil || !there {
		t.Error("it has a secret: authentik would take it")
	}
	if as["group"] != "" || as["post_logout_redirect"] != false {
		t.Errorf("the context is %v", as)
	}
	for _, line := range []string{"slug", "client_id", "name"} {
		if text, _ := as[line].(string); text == "" || len(text) > 50 {
			t.Errorf("%s is %q", line, text)
		}
	}
	slug, _ := as["slug"].(string)
	reserved := []string{"authorize", "token", "device", "userinfo", "introspect", "revoke"}
	if !regexp.MustCompile(`^[-a-zA-Z0-9_]+$`).MatchString(slug) || slices.Contains(reserved, slug) {
		t.Errorf("%q is no slug of an application", slug)
	}
	host, _ := as["host"].(string)
	if u, err := url.Parse("https://" + host + "/"); err != nil || u.Host != host || !strings.HasSuffix(host, ".example.com") {
		t.Errorf("the host is %q", host)
	}
}

// What the README says is to be edited comes first, in the same order, and its
// Caddyfile suits the file as it comes.
func TestItSaysWhatToEditInTheBlueprint(t *testing.T) {
	t.Parallel()
	text := section(t, read(t, "README.md"), "### With OpenID Connect")
	if !strings.Contains(text, "]("+blueprintFile+")") {
		t.Errorf("%s is not named", blueprintFile)
	}
	_, step, _ := strings.Cut(text, "\n1. ")
	step, _, _ = strings.Cut(step, "\n2. ")
	var named []string
	for _, match := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(step, -1) {
		named = append(named, match[1])
	}
	if diff := cmp.Diff(own, named); diff != "" {
		t.Errorf("lines to edit (-want +got):\n%s", diff)
	}
	if first := contextNames(t); len(first) < len(own) || !slices.Equal(first[:len(own)], own) {
		t.Errorf("the context begins with %v", first)
	}
	as := context(t)
	for _, line := range []string{
		fmt.Sprintf("\n%v {\n", as["host"]), fmt.Sprintf("\tapplication %v\n", as["slug"]), fmt.Sprintf("\tclient_id %v\n", as["client_id"]),
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the Caddyfile has no line %q", line)
		}
	}
}
