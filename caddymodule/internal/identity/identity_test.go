package identity

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

func TestPlaceholders_DescribeTheUser(t *testing.T) {
	t.Parallel()
	r, repl := moduletest.WithReplacer(t)
	repl.Set("http.auth.user.id", "mallory")
	repl.Set("http.auth.user.role", "admin")
	SetPlaceholders(r, moduletest.Ada(), "")
	tests := map[string]string{
		"{http.auth.user.id}":                      "ada",
		"{http.auth.user.username}":                "ada",
		"{http.auth.user.name}":                    "Ada Lovelace",
		"{http.auth.user.email}":                   "ada@example.com",
		"{http.auth.user.uid}":                     "abc123",
		"{http.auth.user.groups}":                  "staff,x%2Cadmins,50%",
		"{http.auth.user.attributes.tenant}":       "north",
		"{http.auth.user.attributes.a.b}":          "dotted",
		"{http.auth.user.attributes.office.floor}": "3",
		"{http.auth.user.attributes.teams}":        "red,blue",
		"{http.auth.user.attributes.office}":       "-",
		"{http.auth.user.attributes.none}":         "-",
		"{http.auth.user.attributes.tenant.x}":     "-",
		"{http.auth.user.role}":                    "-",
		"{http.auth.user.access_token}":            "-",
	}
	for text, want := range tests {
		if got := repl.ReplaceAll(text, "-"); got != want {
			t.Errorf("%s = %q, want %q", text, got, want)
		}
	}
}

func TestPlaceholders_NeedNoReplacer(t *testing.T) {
	t.Parallel()
	SetPlaceholders(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), moduletest.Ada(), "")
}

func TestPlaceholders_WriteListsLikeGroups(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ value, want any }{
		{[]any{"staff", "x,admins", "50%"}, "staff,x%2Cadmins,50%"},
		{[]any{float64(1), true}, "1,true"},
		{[]any{}, ""},
		{"x,y", "x,y"},
		{float64(3), float64(3)},
		{map[string]any{"a": "b"}, nil},
		{nil, nil},
	} {
		if got := flat(tt.value); got != tt.want {
			t.Errorf("%v = %v, want %v", tt.value, got, tt.want)
		}
	}
}

// Every claim that the Caddyfile takes must mean something as a placeholder.
func TestPlaceholders_ExistForEveryClaim(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{"id", "username", "name", "email", "uid", "groups", "session"} {
		if _, known := value(moduletest.Ada(), claim); !known {
			t.Errorf("%s is not known", claim)
		}
	}
}

func TestCredential_IsWholeOrNone(t *testing.T) {
	t.Parallel()
	s := proxy.NewSession(proxy.User{Username: "ada", Attributes: map[string]any{"key": "secret {http.auth.user.username}", "empty": ""}})
	for text, want := range map[string]string{
		"{http.auth.user.username}":                      "ada",
		"{http.auth.user.username}@example.com":          "ada@example.com",
		"plain":                                          "plain",
		"{http.auth.user.attributes.key}":                "secret {http.auth.user.username}",
		"x{http.auth.user.attributes.missing}":           "",
		"x{http.auth.user.attributes.empty}":             "",
		"{http.auth.user.username}{http.auth.user.name}": "",
		`a\{b\}`: "a{b}",
	} {
		if got := Credential(text)(s); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
