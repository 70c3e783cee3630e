package adminapi

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// left are the notes of exchanges that are not replayed, with the reason.
var left = map[string]string{
	"start check": "compared by its version alone, below",
	"who am I":    "the stand-in's own address; replayed in package authentiktest",
	"provider, application and binding at once":    "several kinds in one request, which setting up does not send",
	"the same a second time":                       "as above",
	"without invalidation_flow":                    "as above",
	"setup_urls of a provider without application": "not asked for",
	"setup_urls":                        "not asked for",
	"preview of the claims for oneself": "not asked for",
	"an API token":                      "tokens are made by hand",
	"its key":                           "as above",
	"and away with it":                  "as above",
}

// released makes a request fit for the released 2026.5. The recorded build is from
// before the release and ignores grant_types.
func released(release authentiktest.Release, body map[string]any) {
	if list, _ := body["grant_types"].([]any); release == authentiktest.Release202605 && len(list) == 1 {
		body["grant_types"] = []any{"authorization_code"}
	}
}

type exchange struct {
	Note     string
	Request  request
	Response response
}

type request struct {
	Method, Path string
	Headers      map[string]string
	Body         any
}

type response struct {
	Status int
	JSON   any
}

// An application with a binding, as a blueprint has made them at a real authentik.
func TestAPI_ShowsApplicationsAndBindingsAsRecorded(t *testing.T) {
	t.Parallel()
	r := newReplay(t, authentiktest.Release202608)
	r.send(http.MethodPost, "/api/v3/providers/oauth2/", map[string]any{
		"name": "gate-oi-crm", "client_id": "oi-crm", "redirect_uris": []any{},
		"authorization_flow": r.api.tables.flows[0]["pk"], "invalidation_flow": r.api.tables.flows[0]["pk"],
	}, http.StatusCreated)
	r.send(http.MethodPost, "/api/v3/core/applications/", map[string]any{
		"name": "OI CRM", "slug": "oi-crm", "meta_launch_url": "https://app.example.com", "provider": find(r.api.tables.providers, "client_id", "oi-crm")["pk"],
	}, http.StatusCreated)
	group := object{"pk": uuid(), "name": "app-oi-crm-users", "is_superuser": false, "attributes": object{}}
	r.api.tables.groups = append(r.api.tables.groups, group)
	app := find(r.api.tables.applications, "slug", "oi-crm")
	r.send(http.MethodPost, "/api/v3/policies/bindings/", map[string]any{"target": app["pk"], "group": group["pk"], "order": 0}, http.StatusCreated)
	replayed := 0
	for _, e := range recordedAs(t, "2026.8/provisioning-blueprint.json") {
		switch e.Note {
		case "the application it made":
			r.keys[fmt.Sprint(e.Response.JSON.(map[string]any)["provider"])] = fmt.Sprint(app["provider"])
		case "the binding it made":
			recorded, _ := e.Response.JSON.(map[string]any)["results"].([]any)[0].(map[string]any)
			r.keys[str(recorded["group"])] = str(group["pk"])
		default:
			continue
		}
		replayed++
		r.exchange(e)
	}
	if replayed != 2 {
		t.Errorf("got %d exchanges, want 2", replayed)
	}
}

// recorded returns the exchanges with the administrators' API of a release.
func recorded(t *testing.T, release authentiktest.Release) []exchange {
	t.Helper()
	return recordedAs(t, string(release)+"/provisioning-api.json")
}

// recordedAs returns the exchanges of a recording.
func recordedAs(t *testing.T, name string) []exchange {
	t.Helper()
	packed, err := os.ReadFile("../recordings/recordings.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(bzip2.NewReader(bytes.NewReader(packed))); ; {
		file, err := files.Next()
		if err != nil {
			t.Fatalf("got error %[2]v, want the recording %[1]s", name, err)
		}
		if path.Clean(file.Name) != name {
			continue
		}
		var one struct{ Exchanges []exchange }
		if err := json.NewDecoder(files).Decode(&one); err != nil {
			t.Fatal(err)
		}
		return one.Exchanges
	}
}

func TestAPI_AnswersAsRecorded(t *testing.T) {
	t.Parallel()
	replayed := 0
	for _, release := range authentiktest.Releases() {
		r := newReplay(t, release)
		for _, e := range recorded(t, release) {
			if strings.HasSuffix(e.Request.Path, "/transactional/applications/") && e.Response.Status == http.StatusOK {
				r.oneByOne(e.Request.Body)
			}
			if left[e.Note] != "" {
				continue
			}
			replayed++
			r.exchange(e)
		}
	}
	if replayed < 50 {
		t.Errorf("got %d exchanges replayed, want at least 50", replayed)
	}
}

// A replay sends recorded requests. Primary keys differ from run to run: the
// recorded ones stand for those of this run.
type replay struct {
	t       *testing.T
	release authentiktest.Release
	api     *API
	keys    map[string]string
}

func newReplay(t *testing.T, release authentiktest.Release) *replay {
	t.Helper()
	server, err := authentiktest.New(authentiktest.Config{
		Release: release, Tokens: map[string]string{"oi-provisioning-key": "akadmin"},
		Users: []authentiktest.User{{Username: "akadmin", Superuser: true, Groups: []string{"oi-staff"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &replay{t, release, New(server), map[string]string{}}
}

// oneByOne creates what was created in one request.
func (r *replay) oneByOne(body any) {
	r.t.Helper()
	all, _ := body.(map[string]any)
	provider, _ := all["provider"].(map[string]any)
	app, _ := all["app"].(map[string]any)
	r.send(http.MethodPost, "/api/v3/providers/oauth2/", provider, http.StatusCreated)
	app["provider"] = find(r.api.tables.providers, "client_id", "oi-tx")["pk"]
	r.send(http.MethodPost, "/api/v3/core/applications/", app, http.StatusCreated)
	r.send(http.MethodPost, "/api/v3/policies/bindings/", map[string]any{
		"target": find(r.api.tables.applications, "slug", "oi-tx")["pk"], "group": r.api.tables.groups[0]["pk"], "order": 0,
	}, http.StatusCreated)
}

func (r *replay) send(method, target string, body any, status int) {
	r.t.Helper()
	r.exchange(exchange{Note: target, Request: request{method, target, map[string]string{"Authorization": "Bearer oi-provisioning-key"}, body}, Response: response{status, nil}})
}

func (r *replay) exchange(e exchange) {
	r.t.Helper()
	if body, ok := e.Request.Body.(map[string]any); ok {
		released(r.release, body)
		for field, slug := range map[string]string{
			"authorization_flow": "default-provider-authorization-implicit-consent", "invalidation_flow": "default-provider-invalidation-flow",
		} {
			if recorded, given := body[field].(string); given {
				r.keys[recorded] = str(find(r.api.tables.flows, "slug", slug)["pk"])
			}
		}
		if _, given := body["provider"].(float64); given {
			r.keys[fmt.Sprint(body["provider"])] = fmt.Sprint(find(r.api.tables.providers, "client_id", "oi-tx")["pk"])
			body["provider"] = find(r.api.tables.providers, "client_id", "oi-tx")["pk"]
		}
	}
	sent := ""
	if e.Request.Body != nil {
		text, err := json.Marshal(e.Request.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		sent = r.ours(string(text))
	}
	target := r.ours(e.Request.Path)
	req := httptest.NewRequestWithContext(r.t.Context(), e.Request.Method, target, strings.NewReader(sent))
	for name, value := range e.Request.Headers {
		req.Header.Set(name, value)
	}
	res := httptest.NewRecorder()
	r.api.ServeHTTP(res, req)
	if res.Code != e.Response.Status {
		r.t.Errorf("%s: %s: got %d %s, want %d", r.release, e.Note, res.Code, res.Body, e.Response.Status)
		return
	}
	if e.Response.JSON == nil {
		return
	}
	var got any
	if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil {
		r.t.Errorf("%s: %s: got error %v, want none", r.release, e.Note, err)
		return
	}
	r.compare(e.Note, "", got, e.Response.JSON, res.Code >= 400)
}

// ours puts keys of this run in place of the recorded ones.
func (r *replay) ours(text string) string {
	for recorded, own := range r.keys {
		if len(recorded) > 20 {
			text = strings.ReplaceAll(text, recorded, own)
		}
		text = strings.ReplaceAll(text, "/"+recorded+"/", "/"+own+"/")
	}
	return text
}

// compare checks that all that the stand-in says was recorded with the same
// value. A refusal must be the whole of what was recorded.
func (r *replay) compare(note, at string, got, want any, whole bool) {
	r.t.Helper()
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || whole && len(g) != len(want) {
			r.t.Errorf("%s: %s: %s: got %v, want %v", r.release, note, at, got, want)
			return
		}
		r.learn(g, want)
		for name, value := range g {
			recorded, there := want[name]
			if !there && name == "grant_types" && r.release == authentiktest.Release202605 {
				continue // see released
			}
			if !there {
				r.t.Errorf("%s: %s: got %s.%s, which was not recorded", r.release, note, at, name)
				continue
			}
			r.compare(note, at+"."+name, value, recorded, whole)
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(want) {
			r.t.Errorf("%s: %s: %s: got %v, want %v", r.release, note, at, got, want)
			return
		}
		if strings.HasSuffix(at, "property_mappings") {
			return // in an order of the database
		}
		for i := range g {
			r.compare(note, fmt.Sprintf("%s[%d]", at, i), g[i], want[i], whole)
		}
	default:
		if r.ours(fmt.Sprint(want)) != fmt.Sprint(got) && r.keys[fmt.Sprint(want)] != fmt.Sprint(got) && !differs(at) {
			r.t.Errorf("%s: %s: %s: got %v, want %v", r.release, note, at, got, want)
		}
	}
}

// differs reports whether a value depends on the installation.
func differs(at string) bool {
	return slices.ContainsFunc([]string{
		".sub_mode", ".access_token_validity", ".signing_key", "authorization_flow", "invalidation_flow", ".version_current",
	}, func(field string) bool { return strings.HasSuffix(at, field) })
}

// learn notes which key stands for a recorded one.
func (r *replay) learn(got, want map[string]any) {
	if pk, own := want["pk"], got["pk"]; pk != nil && own != nil {
		r.keys[fmt.Sprint(pk)] = fmt.Sprint(own)
	}
}

func TestAPI_NeedsATokenWithRights(t *testing.T) {
	t.Parallel()
	server, err := authentiktest.New(authentiktest.Config{
		Tokens: map[string]string{"k": "clerk"}, Users: []authentiktest.User{{Username: "clerk"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	api := New(server)
	api.Rights["clerk"] = []string{"authentik_core.view_application"}
	for _, c := range []struct {
		method, path, token string
		want                int
	}{
		{http.MethodGet, "/api/v3/core/applications/x/", "k", http.StatusNotFound},
		{http.MethodPost, "/api/v3/core/applications/", "k", http.StatusForbidden},
		{http.MethodGet, "/api/v3/policies/bindings/", "k", http.StatusForbidden},
		{http.MethodGet, "/api/v3/core/applications/x/", "", http.StatusForbidden},
	} {
		req := httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody)
		req.URL = &url.URL{Path: c.path}
		req.Header.Set("Authorization", "Bearer "+c.token)
		res := httptest.NewRecorder()
		api.ServeHTTP(res, req)
		if res.Code != c.want {
			t.Errorf("%s %s with token %q: got %d %s, want %d", c.method, c.path, c.token, res.Code, res.Body, c.want)
		}
	}
}
