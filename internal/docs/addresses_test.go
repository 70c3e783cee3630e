package docs

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// newGate returns a gate whose authentik cannot be reached.
func newGate(t *testing.T) *proxy.Gate {
	t.Helper()
	client, err := flowclient.New(flowclient.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := proxy.New(proxy.Config{
		Client: client, Store: proxy.NewMemory(), Key: []byte(strings.Repeat("k", 32)),
		Application: "app", OIDC: proxy.OIDCConfig{ClientID: "app"},
		Site: &url.URL{Scheme: "http", Host: "example.com"}, Assertion: &proxy.AssertionConfig{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// unknown is the code of an address, or a method there, that the gate does not
// have.
var unknown = regexp.MustCompile(`"code": ?"(not-found|method-not-allowed)"`)

func TestJSON_TableNamesAddressesThatTheGateAnswers(t *testing.T) {
	t.Parallel()
	gate := newGate(t).Wrap(http.NotFoundHandler())
	rows := table(t, section(t, read(t, "docs/json.md"), "## Addresses"))
	if len(rows) < 11 {
		t.Errorf("got %d addresses, want at least 11", len(rows))
	}
	for _, r := range rows {
		method, address, _ := strings.Cut(strings.Trim(r[0], "`"), " ")
		address, _, _ = strings.Cut(address, "?")
		if strings.HasSuffix(address, "…") {
			continue // answers only for the files that it has
		}
		request := httptest.NewRequestWithContext(t.Context(), method, "http://example.com"+address, http.NoBody)
		request.Header.Set("Accept", "application/json")
		response := httptest.NewRecorder()
		gate.ServeHTTP(response, request)
		if body := response.Body.String(); unknown.MatchString(body) || response.Code == http.StatusNotFound {
			t.Errorf("%s %s: got %d %s", method, address, response.Code, body)
		}
	}
}

// Every address of the gate that the code names is in the table.
func TestJSON_TableNamesEachAddress(t *testing.T) {
	t.Parallel()
	text := section(t, read(t, "docs/json.md"), "## Addresses")
	for _, path := range found(t, `"(/(?:login|logout|session|framed|callback|jwks|[a-z]+-logout|assets/|brand/))"`, sources(t, "proxy")) {
		if !strings.Contains(text, "/.authentik"+path) {
			t.Errorf("got no %s in the table, want it", path)
		}
	}
}
