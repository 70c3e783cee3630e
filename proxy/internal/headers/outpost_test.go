package headers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// TestHeaders_OfTheOutpost: applications that were set up for authentik's own
// proxy find all of its headers that the gate can know.
func TestHeaders_OfTheOutpost(t *testing.T) {
	t.Parallel()
	h := New(Options{
		Preset: Authentik, Application: "wiki", ProviderKeys: "https://auth.example.com/application/o/wiki/jwks/", Additional: []string{"x-tenant"},
	})
	u := jane
	u.Attributes = map[string]any{"additionalHeaders": map[string]any{
		"X-Tenant": "north", "x-authentik-level": 1234567.0, "X-Authentik-Username": "admin", "x_authentik_username": "admin", "X-Authentik-Jwt": "forged",
		"X-Other": "not named", "Host": "evil", "X-Authentik-": "short", "X-Authentik-List": []any{"a"}, "X-Authentik-Two\r\nX": "y",
	}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	prepared, problems := h.Prepare(Subject{User: u, IDToken: "id.token"})
	h.Set(r, prepared)
	want := "map[X-Authentik-Email:[jane@example.com] X-Authentik-Entitlements:[read|a,b%7Cc|7] X-Authentik-Groups:[staff|x,admins|x%7Cadmins] " +
		"X-Authentik-Jwt:[id.token] X-Authentik-Level:[1234567] X-Authentik-Meta-App:[wiki] " +
		"X-Authentik-Meta-Jwks:[https://auth.example.com/application/o/wiki/jwks/] X-Authentik-Name:[Zoë%0D%0AX: y] " +
		"X-Authentik-Uid:[abc] X-Authentik-Username:[jane] X-Tenant:[north]]"
	if got := fmt.Sprint(r.Header); got != want || problems != nil {
		t.Errorf("got\n%s, %v, want\n%s", got, problems, want)
	}
	if got := len(h.Lines(r)); got != len(r.Header) {
		t.Errorf("lines for the next gate: got %d, want all %d", got, len(r.Header))
	}
}

// TestHeaders_AdditionalOnesOfOthersAreStripped: a header that only some users
// have must not come from those who do not.
func TestHeaders_AdditionalOnesOfOthersAreStripped(t *testing.T) {
	t.Parallel()
	h := New(Options{Preset: Authentik, Additional: []string{"X-Tenant"}})
	names := append(spellings("X-Tenant"), spellings("X-Authentik-Level")...)
	names = append(names, spellings("X-Authentik-"+strings.Repeat("Level", maxName))...) // an outpost would set it
	for _, name := range names {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header[name] = []string{"admin"}
		h.Strip(r)
		prepared, _ := h.Prepare(Subject{User: user.User{Username: "jane"}})
		h.Set(r, prepared)
		if got := fmt.Sprint(r.Header); strings.Contains(got, "admin") {
			t.Errorf("%q: got %s, want nothing of it", name, got)
		}
	}
}

func TestHeaders_OnlyTheOutpostsSetTellsAttributes(t *testing.T) {
	t.Parallel()
	u := user.User{Username: "jane", Attributes: map[string]any{"additionalHeaders": map[string]any{"X-Authentik-Level": "3"}}}
	prepared, _ := New(Options{}).Prepare(Subject{User: u, IDToken: "id.token"})
	if got, want := fmt.Sprint(prepared), "[{Remote-User jane}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, o := range []Options{
		{Additional: []string{"X-Tenant"}},
		{Preset: Authentik, Additional: []string{"Host"}},
		{Preset: Authentik, Additional: []string{"x_authentik.uid"}},
		{Preset: Authentik, Additional: []string{"X-A"}, Rules: []Rule{{Name: "X-A", Claim: "uid"}}},
	} {
		if len(o.Check()) != 1 {
			t.Errorf("%+v: got %v, want one mistake", o, o.Check())
		}
	}
}
