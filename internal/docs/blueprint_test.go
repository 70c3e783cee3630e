package docs

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

// blueprintFile is the blueprint for administrators of authentik.
const blueprintFile = "docs/authentik-blueprint.yaml"

// own names the lines that every administrator must edit.
var own = []string{"host", "slug", "name", "client_id", "client_secret"}

// edited holds the five lines as an administrator may edit them, and
// editedFully the other lines too.
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

// models lists the models that authentik 2025.10 and 2026.5 both know, with
// their attributes, from the schemas of their APIs.
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

// ignored lists attributes of a provider that one release has and another
// silently ignores: grant_types is newer than both schemas, and the address for
// logouts has had two names.
var ignored = []string{"backchannel_logout_uri", "grant_types", "logout_method", "logout_uri"}

// stock lists the objects that every authentik of both releases has from the
// start, and that blueprints may look up.
var stock = []string{
	"authentik_flows.flow slug=default-provider-authorization-implicit-consent",
	"authentik_flows.flow slug=default-invalidation-flow",
	"authentik_crypto.certificatekeypair name=authentik Self-signed Certificate",
	scopeMapping + "openid", scopeMapping + "email", scopeMapping + "profile", scopeMapping + "offline_access", scopeMapping + "entitlements",
	"authentik_providers_oauth2.scopemapping managed=goauthentik.io/providers/proxy/scope-proxy",
}

const scopeMapping = "authentik_providers_oauth2.scopemapping managed=goauthentik.io/providers/oauth2/scope-"

func TestBlueprint_EveryReleaseKnowsItsModelsAndAttributes(t *testing.T) {
	t.Parallel()
	for _, values := range []map[string]any{edited, editedFully} {
		for _, e := range resolve(t, values) {
			known, found := models[e.model]
			if !found {
				t.Errorf("got model %s, which not both releases know", e.model)
			}
			for name := range with(e.identifiers, e.attrs) {
				may := slices.Contains(known, name) ||
					e.model == "authentik_providers_oauth2.oauth2provider" && slices.Contains(ignored, name)
				if !may {
					t.Errorf("got attribute %s of %s, which not both releases know", name, e.model)
				}
			}
			for _, f := range lookUps(e.attrs) {
				if !slices.Contains(stock, f) {
					t.Errorf("got a look-up of %s, which authentik does not have from the start", f)
				}
			}
		}
	}
}

// lookUps returns everything that a value looks up with !Find.
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

func TestBlueprint_ProviderAndApplicationFollowTheFiveLines(t *testing.T) {
	t.Parallel()
	entries := resolve(t, edited)
	var made []string
	for _, e := range entries {
		made = append(made, e.model)
		if e.state != "present" {
			t.Errorf("%s: got state %s, want present", e.model, e.state)
		}
	}
	want := []string{"authentik_providers_oauth2.oauth2provider", "authentik_core.application"}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	provider, app := entries[0], entries[1]
	for name, want := range map[string]any{"client_id": "wiki", "client_secret": "4f1d", "client_type": "confidential"} {
		if provider.attrs[name] != want {
			t.Errorf("%s: got %v, want %v", name, provider.attrs[name], want)
		}
	}
	if diff := cmp.Diff(map[string]any{"slug": "The_wiki-1"}, app.identifiers); diff != "" {
		t.Errorf("identifiers of the application (-want +got):\n%s", diff)
	}
	attrs := map[string]any{
		"name": `The "wiki": 100 %`, "provider": keyOf(provider.id), "meta_launch_url": "https://wiki.example.org:8443/",
	}
	if diff := cmp.Diff(attrs, app.attrs); diff != "" {
		t.Errorf("attributes of the application (-want +got):\n%s", diff)
	}
}

func TestBlueprint_GroupIsBoundToTheApplication(t *testing.T) {
	t.Parallel()
	entries := resolve(t, editedFully)
	if len(entries) != 4 {
		t.Fatalf("got %d entries, want 4", len(entries))
	}
	app, group, binding := entries[1], entries[2], entries[3]
	if group.identifiers["name"] != "wiki's members" || len(group.attrs) != 0 {
		t.Errorf("got %v, want a group that is only looked up or created", group)
	}
	if diff := cmp.Diff(map[string]any{"target": keyOf(app.id), "group": keyOf(group.id)}, binding.identifiers); diff != "" {
		t.Errorf("identifiers of the binding (-want +got):\n%s", diff)
	}
	if binding.attrs["negate"] != false || binding.attrs["enabled"] != true || binding.attrs["failure_result"] != false {
		t.Errorf("attributes of the binding: got %v", binding.attrs)
	}
}

// The addresses are below the default prefix.
func TestBlueprint_AddressesAreThoseOfTheGate(t *testing.T) {
	t.Parallel()
	gate := "https://wiki.example.org:8443" + found(t, `cfg\.Prefix = "([^"]+)"`, sources(t, "proxy"))[0]
	callback := map[string]any{"matching_mode": "strict", "url": gate + "/callback"}
	for name, c := range map[string]struct {
		values map[string]any
		want   []any
	}{
		"unedited": {edited, []any{callback}},
		"with post_logout_redirect": {editedFully, []any{
			with(callback, map[string]any{"redirect_uri_type": "authorization"}),
			map[string]any{"matching_mode": "strict", "url": gate + "/logout", "redirect_uri_type": "logout"},
		}},
	} {
		provider := resolve(t, c.values)[0].attrs
		if diff := cmp.Diff(c.want, provider["redirect_uris"]); diff != "" {
			t.Errorf("%s: redirect URIs (-want +got):\n%s", name, diff)
		}
		for _, attr := range []string{"logout_uri", "backchannel_logout_uri"} {
			if provider[attr] != gate+"/backchannel-logout" {
				t.Errorf("%s: %s: got %v, want %s/backchannel-logout", name, attr, provider[attr], gate)
			}
		}
		if provider["logout_method"] != "backchannel" {
			t.Errorf("%s: got logout_method %v, want backchannel", name, provider["logout_method"])
		}
	}
}

func TestBlueprint_ProviderFitsTheDefaultsOfTheGate(t *testing.T) {
	t.Parallel()
	provider := resolve(t, edited)[0].attrs
	if diff := cmp.Diff([]any{"authorization_code", "refresh_token"}, provider["grant_types"]); diff != "" {
		t.Errorf("grant types (-want +got):\n%s", diff)
	}
	if provider["sub_mode"] != "hashed_user_id" || provider["encryption_key"] != nil || provider["include_claims_in_id_token"] != true {
		t.Errorf("got provider %v", provider)
	}
	if _, signs := provider["signing_key"].(find); !signs {
		t.Errorf("got signing key %v, want one that is looked up", provider["signing_key"])
	}
	config := sources(t, "proxy")
	recheck, lifetime := defaultOf(t, config, "Recheck"), defaultOf(t, config, "Lifetime")
	if access := validity(t, provider, "access_token_validity"); access <= recheck || access > time.Hour {
		t.Errorf("got access tokens valid for %v, want longer than a recheck (%v) and at most 1h", access, recheck)
	}
	if refresh := validity(t, provider, "refresh_token_validity"); refresh < lifetime {
		t.Errorf("got refresh tokens valid for %v, want at least the lifetime of a session (%v)", refresh, lifetime)
	}
	scopes := found(t, `"([a-z]+)"`, found(t, `OIDC\.Scopes = \[\]string\{(.*)\}`, config)[0])
	mapped := lookUps(provider["property_mappings"])
	for _, scope := range append(scopes, "openid", "offline_access") {
		if !slices.Contains(mapped, scopeMapping+scope) {
			t.Errorf("got no mapping for the scope %s, want one", scope)
		}
	}
}

// validity reads a duration as authentik writes it: minutes=10, or days=1;hours=2.
func validity(t *testing.T, attrs map[string]any, name string) (all time.Duration) {
	t.Helper()
	units := map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}
	for part := range strings.SplitSeq(fmt.Sprint(attrs[name]), ";") {
		unit, number, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(number)
		if err != nil || units[unit] == 0 {
			t.Fatalf("%s: got %v, want a duration such as minutes=10", name, attrs[name])
		}
		all += time.Duration(n) * units[unit]
	}
	return all
}

// A secret in a public file would let any client in, and older releases treat
// every address in the list as a redirect URI.
func TestBlueprint_IsSafeUnedited(t *testing.T) {
	t.Parallel()
	as := context(t)
	if secret, there := as["client_secret"]; secret != nil || !there {
		t.Error("got a client_secret, want none: authentik would accept it")
	}
	if as["group"] != "" || as["post_logout_redirect"] != false {
		t.Errorf("got context %v, want no group and no post_logout_redirect", as)
	}
	for _, line := range []string{"slug", "client_id", "name"} {
		if text, _ := as[line].(string); text == "" || len(text) > 50 {
			t.Errorf("%s: got %q, want a short text", line, text)
		}
	}
	slug, _ := as["slug"].(string)
	reserved := []string{"authorize", "token", "device", "userinfo", "introspect", "revoke"}
	if !regexp.MustCompile(`^[-a-zA-Z0-9_]+$`).MatchString(slug) || slices.Contains(reserved, slug) {
		t.Errorf("got slug %q, which authentik does not accept for an application", slug)
	}
	host, _ := as["host"].(string)
	if u, err := url.Parse("https://" + host + "/"); err != nil || u.Host != host || !strings.HasSuffix(host, ".example.com") {
		t.Errorf("got host %q, want one below example.com", host)
	}
}

// The lines that the page says to edit come first in the file, in the same
// order, and the page's Caddyfile fits the unedited file.
func TestOpenIDConnect_PageSaysWhatToEditInTheBlueprint(t *testing.T) {
	t.Parallel()
	text := section(t, read(t, "docs/openid-connect.md"), "## Set it up")
	if !strings.Contains(text, "]("+strings.TrimPrefix(blueprintFile, "docs/")+")") {
		t.Errorf("got no link to %s, want one", blueprintFile)
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
		t.Errorf("got %v as first lines of the context, want %v", first, own)
	}
	as := context(t)
	for _, line := range []string{
		fmt.Sprintf("\n%v {\n", as["host"]), fmt.Sprintf("\tapplication %v\n", as["slug"]), fmt.Sprintf("\tclient_id %v\n", as["client_id"]),
	} {
		if !strings.Contains(text, line) {
			t.Errorf("got no line %q in the Caddyfile of the page, want it", line)
		}
	}
}
