package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// docsBlueprint is the documented blueprint for administrators.
const docsBlueprint = "../../docs/authentik-blueprint.yaml"

// A registration has the values for the documented blueprint in one test run.
type registration struct {
	names
	host, secret string
	group        string // none if empty

	// logoutRedirect registers the gate's address for browsers that have been
	// signed out at authentik.
	logoutRedirect bool
}

func (r registration) filled() ([]byte, error) {
	file, err := os.ReadFile(docsBlueprint)
	if err != nil {
		return nil, err
	}
	return Fill(file, map[string]any{
		"host": r.host, "slug": r.unique("app"), "name": r.unique("The application"), "client_id": r.unique("client"),
		"client_secret": r.secret, "group": r.group, "post_logout_redirect": r.logoutRedirect,
	})
}

// brought lists the objects to remove after the test.
func (r registration) brought() Blueprint {
	entries := []Entry{
		{Model: "authentik_providers_oauth2.oauth2provider", Identifiers: Attrs{"name": "caddy-authentik " + r.unique("app")}},
		{Model: "authentik_core.application", Identifiers: Attrs{"slug": r.unique("app")}},
	}
	if r.group != "" {
		entries = append(entries, Entry{Model: "authentik_core.group", Identifiers: Attrs{"name": r.group}})
	}
	return Blueprint{Name: r.run, Entries: entries}
}

// A registered is a provider as authentik's API returns it. An attribute that the
// release does not know is missing.
type registered map[string]any

// provider returns the provider with that client ID.
func (i *Importer) provider(ctx context.Context, clientID string) (registered, error) {
	var list struct {
		Results []registered `json:"results"`
	}
	err := i.read(ctx, "api/v3/providers/oauth2/", url.Values{"client_id": {clientID}}, &list)
	if err == nil && len(list.Results) != 1 {
		err = fmt.Errorf("got %d providers with the client ID %s, want 1", len(list.Results), clientID)
	}
	if err != nil {
		return nil, err
	}
	return list.Results[0], nil
}

// scopes returns the scopes of the provider's mappings, sorted.
func (i *Importer) scopes(ctx context.Context, p registered) ([]string, error) {
	keys, _ := p["property_mappings"].([]any)
	var names []string
	for _, key := range keys {
		var mapping struct {
			Scope string `json:"scope_name"`
		}
		if err := i.read(ctx, fmt.Sprintf("api/v3/propertymappings/provider/scope/%v/", key), nil, &mapping); err != nil {
			return nil, err
		}
		names = append(names, mapping.Scope)
	}
	slices.Sort(names)
	return names, nil
}

func (i *Importer) read(ctx context.Context, path string, query url.Values, into any) error {
	return i.call(ctx, http.MethodGet, path, query, nil, into)
}

// register imports the blueprint for the duration of a test and checks the
// provider that it creates.
func (i *Importer) register(t *testing.T, r registration) {
	t.Helper()
	there, err := r.filled()
	if err != nil {
		t.Fatal(err)
	}
	i.bringFile(t, there, r.brought())
	p, err := i.provider(t.Context(), r.unique("client"))
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range r.wrong(p) {
		t.Error(what)
	}
	scopes, err := i.scopes(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"email", "entitlements", "offline_access", "openid", "profile"}, scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

// wrong lists how a provider differs from what the blueprint should create.
func (r registration) wrong(p registered) (all []string) {
	differs := func(what string, want, got any) {
		if diff := cmp.Diff(want, got); diff != "" {
			all = append(all, fmt.Sprintf("%s (-want +got):\n%s", what, diff))
		}
	}
	for name, want := range map[string]any{
		"assigned_application_slug": r.unique("app"), "assigned_application_name": r.unique("The application"),
		"client_id": r.unique("client"), "client_secret": r.secret, "client_type": "confidential",
		"authentication_flow": nil, "sub_mode": "hashed_user_id", "issuer_mode": "per_provider", "include_claims_in_id_token": true,
		"access_token_validity": "minutes=10", "refresh_token_validity": "days=30", "encryption_key": nil,
	} {
		differs(name, want, p[name])
	}
	if key, _ := p["signing_key"].(string); key == "" {
		all = append(all, "got no signing key, want one")
	}
	differs("redirect URIs", r.redirects(), redirectsOf(p))
	notice := "https://" + r.host + "/.authentik/backchannel-logout"
	if _, newer := p["logout_uri"]; newer {
		differs("logout_uri", notice, p["logout_uri"])
		differs("logout_method", "backchannel", p["logout_method"])
	} else {
		differs("backchannel_logout_uri", notice, p["backchannel_logout_uri"])
	}
	if grants, newer := p["grant_types"]; newer {
		differs("grant_types", []any{"authorization_code", "refresh_token"}, grants)
	}
	return all
}

func (r registration) redirects() []string {
	all := []string{"strict authorization https://" + r.host + "/.authentik/callback"}
	if r.logoutRedirect {
		all = append(all, "strict logout https://"+r.host+"/.authentik/logout")
	}
	return all
}

// redirectsOf formats a provider's redirect URIs. In a release without types,
// authorization codes may be sent to all of them.
func redirectsOf(p registered) (all []string) {
	list, _ := p["redirect_uris"].([]any)
	for _, one := range list {
		uri, _ := one.(map[string]any)
		kind, typed := uri["redirect_uri_type"]
		if !typed {
			kind = "authorization"
		}
		all = append(all, fmt.Sprintf("%v %v %v", uri["matching_mode"], kind, uri["url"]))
	}
	return all
}

// newRegistration returns a registration with a group: an application without
// bindings is open to every user.
func newRegistration() registration {
	n := newNames()
	return registration{names: n, host: n.unique("site") + ".example.com", secret: n.password, group: n.unique("members")}
}

func TestRegistration_DocumentedBlueprintAtARealAuthentik(t *testing.T) {
	t.Parallel()
	address, token := os.Getenv("AUTHENTIK_URL"), os.Getenv("AUTHENTIK_TOKEN")
	if address == "" || token == "" {
		t.Skip("AUTHENTIK_URL and AUTHENTIK_TOKEN are not set: there is no authentik to import it at")
	}
	importer := &Importer{URL: parse(t, address), Token: token, Client: &http.Client{Timeout: time.Minute}}
	t.Run("with a secret", func(t *testing.T) { importer.register(t, newRegistration()) })
	t.Run("without one it is refused", func(t *testing.T) {
		r := newRegistration()
		file, err := r.filled()
		if err == nil {
			file, err = Fill(file, map[string]any{"client_secret": nil})
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := importer.Import(t.Context(), file); err == nil {
			t.Error("got a blueprint without client_secret imported, want an error")
			importer.bringFile(t, file, r.brought()) // registers the removal
		}
	})
}

// The providers are from recordings of real servers.
func TestRegistration_FindsEveryDifferenceOfAProvider(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		older  bool
		change func(registered)
		wrong  string // part of the difference; none if empty
	}{
		"2026.5":               {},
		"2025.10":              {older: true},
		"another secret":       {change: func(p registered) { p["client_secret"] = "x" }, wrong: "client_secret"},
		"no key":               {change: func(p registered) { p["signing_key"] = nil }, wrong: "no signing key"},
		"an address more":      {change: func(p registered) { p["redirect_uris"] = append(p["redirect_uris"].([]any), "x") }, wrong: "redirect URIs"},
		"nothing of logouts":   {older: true, change: func(p registered) { delete(p, "backchannel_logout_uri") }, wrong: "backchannel_logout_uri"},
		"no grants":            {change: func(p registered) { p["grant_types"] = []any{} }, wrong: "grant_types"},
		"another application":  {change: func(p registered) { p["assigned_application_slug"] = "x" }, wrong: "assigned_application_slug"},
		"a client in the open": {change: func(p registered) { p["client_type"] = "public" }, wrong: "client_type"},
	} {
		r := newRegistration()
		p := r.recorded(c.older)
		if c.change != nil {
			c.change(p)
		}
		found := strings.Join(r.wrong(p), "\n")
		if (c.wrong == "") != (found == "") || !strings.Contains(found, c.wrong) {
			t.Errorf("%s: got differences %q, want %q", name, found, c.wrong)
		}
	}
}

// recorded returns the provider as in the recording provisioning-api.
func (r registration) recorded(older bool) registered {
	p := registered{
		"pk": 35.0, "name": "caddy-authentik " + r.unique("app"), "authentication_flow": nil, "authorization_flow": "b71c4a92",
		"invalidation_flow": "27c0226f", "property_mappings": []any{"m1", "m2", "m3", "m4", "m5"},
		"assigned_application_slug": r.unique("app"), "assigned_application_name": r.unique("The application"),
		"client_type": "confidential", "client_id": r.unique("client"), "client_secret": r.secret,
		"access_code_validity": "minutes=1", "access_token_validity": "minutes=10", "refresh_token_validity": "days=30",
		"include_claims_in_id_token": true, "signing_key": "1d4a61dd", "encryption_key": nil,
		"sub_mode": "hashed_user_id", "issuer_mode": "per_provider",
	}
	address := map[string]any{"matching_mode": "strict", "url": "https://" + r.host + "/.authentik/callback"}
	notice := "https://" + r.host + "/.authentik/backchannel-logout"
	if older {
		maps.Copy(p, registered{"redirect_uris": []any{address}, "backchannel_logout_uri": notice})
		return p
	}
	address["redirect_uri_type"] = "authorization"
	maps.Copy(p, registered{"redirect_uris": []any{address}, "logout_uri": notice, "logout_method": "backchannel"})
	return p
}

func TestRegistration_DocumentedBlueprintIsReadBackAndRemoved(t *testing.T) {
	t.Parallel()
	reg := newRegistration()
	r := &release{path: "/" + importPaths[0], status: http.StatusOK, answer: done}
	scopes := map[string]string{"m1": "openid", "m2": "profile", "m3": "email", "m4": "offline_access", "m5": "entitlements"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mapping, asked := strings.CutPrefix(req.URL.Path, "/api/v3/propertymappings/provider/scope/")
		switch {
		case req.Header.Get("Authorization") != "Bearer the-token":
			w.WriteHeader(http.StatusForbidden)
		case req.Method == http.MethodGet && asked:
			_ = json.NewEncoder(w).Encode(map[string]string{"scope_name": scopes[strings.TrimSuffix(mapping, "/")]})
		case req.Method == http.MethodGet && req.URL.RequestURI() == "/api/v3/providers/oauth2/?client_id="+reg.unique("client"):
			_ = json.NewEncoder(w).Encode(map[string]any{"results": []any{reg.recorded(false)}})
		default:
			r.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(server.Close)
	importer := &Importer{URL: parse(t, server.URL), Token: "the-token", Client: server.Client()}
	t.Run("register", func(t *testing.T) { importer.register(t, reg) })
	if len(r.imported) != 2 || !strings.Contains(r.imported[0], `client_secret: "`+reg.secret+`"`) {
		t.Fatalf("got imports %q, want the blueprint with its secret and then the removal", r.imported)
	}
	for _, thing := range []string{"caddy-authentik " + reg.unique("app"), reg.unique("app"), reg.group} {
		if !strings.Contains(r.imported[1], `"`+thing+`"`) || strings.Contains(r.imported[1], "present") {
			t.Errorf("%s: got no entry with state absent in the removal, want one", thing)
		}
	}
}
