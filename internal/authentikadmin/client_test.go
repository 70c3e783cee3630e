package authentikadmin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func newTestClient(t *testing.T, serve http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL + "/sub")
	if err != nil {
		t.Fatal(err)
	}
	return &Client{URL: at, Token: "the-token", HTTP: &http.Client{CheckRedirect: NoRedirects}}
}

func TestClient_ReadsAllPagesBelowTheWebPath(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sub/api/v3/crypto/certificatekeypairs/" || r.Header.Get("Authorization") != "Bearer the-token" {
			t.Errorf("got %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		next := map[string]int{"1": 2, "2": 3, "3": 0}[r.URL.Query().Get("page")]
		fmt.Fprintf(w, `{"pagination": {"next": %d}, "results": [{"pk": "k", "name": "key %s"}]}`, next, r.URL.Query().Get("page"))
	})
	keys, err := c.Keys(t.Context())
	if err != nil || len(keys) != 3 || keys[2].Name != "key 3" {
		t.Errorf("got %+v %v, want three keys", keys, err)
	}
}

// A filter that a release does not know is ignored there, and all objects come.
func TestClient_DoesNotTrustFilters(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "groups") {
			fmt.Fprint(w, `{"pagination": {"next": 0}, "results": [{"pk": "1", "name": "others"}]}`)
			return
		}
		fmt.Fprint(w, `{"pagination": {"next": 0}, "results": [{"pk": 1, "name": "other", "client_id": "other"}, {"pk": 2, "name": "mine", "client_id": "c"}]}`)
	})
	if all, err := c.ProvidersNamed(t.Context(), "mine"); err != nil || len(all) != 1 || all[0].PK != 2 {
		t.Errorf("got %+v %v, want the one of that name", all, err)
	}
	if _, found, err := c.Group(t.Context(), "unknown"); err != nil || found {
		t.Errorf("got found %v %v, want no group", found, err)
	}
}

func TestClient_SaysWhatARefusalMeans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status      int
		kind, body  string
		want        string
		taken, gone bool
	}{
		"right":    {403, "application/json", `{"detail": "You do not have permission to perform this action."}`, `lacks the right "authentik_core.change_application"`, false, false},
		"token":    {403, "application/json", `{"detail": "Token invalid/expired"}`, "does not accept the token", false, false},
		"taken":    {400, "application/json", `{"slug": ["Application with this slug already exists."]}`, "slug: Application with this slug already exists.", true, false},
		"gone":     {404, "application/json", `{"detail": "No Application matches the given query."}`, "404", false, true},
		"nested":   {400, "application/json", `{"redirect_uris": [{"url": ["x"]}]}`, "redirect_uris: url: x", false, false},
		"page":     {502, "text/html", `<html>`, "not authentik's API", false, false},
		"redirect": {302, "text/html", ``, "a redirect to https://elsewhere.example", false, false},
	} {
		client := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.Header().Set("Location", "https://elsewhere.example/path?token=secret")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		err := client.ChangeApplication(t.Context(), "x", Fields{"name": "y"})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
		var refused *RefusedError
		if errors.As(err, &refused) && (refused.Taken() != c.taken || refused.NotFound() != c.gone) {
			t.Errorf("%s: got taken %v and gone %v, want %v and %v", name, refused.Taken(), refused.NotFound(), c.taken, c.gone)
		}
	}
}

func TestToken_IsNeverPrinted(t *testing.T) {
	t.Parallel()
	c := &Client{Token: "the-token", HTTP: http.DefaultClient}
	for _, text := range []string{fmt.Sprint(c.Token), fmt.Sprintf("%v %+v %#v", c.Token, *c, c.Token), c.Token.LogValue().String()} {
		if strings.Contains(text, "the-token") {
			t.Errorf("got %q, want no token", text)
		}
	}
}

func TestRelease_IsReadFromVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Release{
		"2026.8.0-rc1": {2026, 8}, "2025.10.4": {2025, 10}, "2026.11": {2026, 11}, "2026.5.0": {2026, 5}, "dev": {}, "": {}, "1.2": {},
	} {
		got, known := ParseRelease(text)
		if known != (want != Release{}) || known && got != want {
			t.Errorf("%q: got %v %v, want %v", text, got, known, want)
		}
	}
	if Oldest.Compare(Newest) >= 0 || (Release{2025, 10}).Compare(Release{2025, 8}) <= 0 {
		t.Error("got releases in another order")
	}
}
