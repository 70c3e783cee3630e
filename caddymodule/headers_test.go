package caddymodule

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// filled returns what a header of one's own says for a session.
func filled(t testing.TB, own Header, s proxy.Session) string {
	t.Helper()
	r, repl := moduletest.WithReplacer(t)
	repl.Set("http.request.host", "app.example.com")
	rule := Headers{}.rule(own)
	if rule.Value == nil {
		t.Fatalf("%s is no text", own.Value)
	}
	return rule.Value(r, s)
}

func TestHeaders_ReplacePlaceholders(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"{http.auth.user.name} <{http.auth.user.email}>": "Ada Lovelace <ada@example.com>",
		"{http.request.host}/{http.auth.user.id}":        "app.example.com/ada",
		"{http.auth.user.attributes.none} {no.such}":     " ",
		`\{braces\} {http.auth.user.id}`:                 "{braces} ada",
	}
	for value, want := range tests {
		if got := filled(t, Header{Name: "X-Test", Value: value}, moduletest.Ada()); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

// What another module has set for its own user must not pass for what
// authentik says.
func TestHeaders_UseOnlyTheSession(t *testing.T) {
	t.Parallel()
	r, repl := moduletest.WithReplacer(t)
	repl.Set("http.auth.user.id", "mallory")
	repl.Set("http.auth.user.attributes.tenant", "evil")
	rule := Headers{}.rule(Header{Name: "X-Test", Value: "{http.auth.user.id}@{http.auth.user.attributes.tenant}"})
	if got := rule.Value(r, proxy.NewSession(proxy.User{})); got != "@" {
		t.Errorf("header = %q", got)
	}
}

func TestHeaders_WithOnlyAPlaceholderAreClaims(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"username":                                "username",
		"{http.auth.user.id}":                     "id",
		"{http.auth.user.groups}":                 "groups",
		"{http.auth.user.attributes.tenant}":      "attributes.tenant",
		"tenant":                                  "tenant",
		"{http.auth.user.https://a.example/role}": "https://a.example/role",
		"{http.request.host}":                     "",
		"x{http.auth.user.id}":                    "",
		"{http.auth.user.id}{http.auth.user.id}":  "",
	}
	for value, want := range tests {
		rule := Headers{}.rule(Header{Name: "X-Test", Value: value})
		if rule.Claim != want || (rule.Value == nil) != (want != "") {
			t.Errorf("%s: claim %q", value, rule.Claim)
		}
	}
}

// An access token is renewed amid a session: it is no claim that could be
// prepared once.
func TestAccessToken_IsReadForEachRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"access_token": true, "{http.auth.user.access_token}": true, "Bearer {http.auth.user.access_token}": true,
		"{http.auth.user.id}:{http.auth.user.access_token}": true,
		"username": false, "Bearer {http.auth.user.id}": false, "{http.auth.user.access_tokens}": false,
	}
	for value, want := range tests {
		own := Header{Name: "Authorization", Value: value}
		if own.needsToken() != want {
			t.Errorf("%s tells the token: %v", value, !want)
		}
		if want && (Headers{}).rule(own).Value == nil {
			t.Errorf("%s is a claim", value)
		}
		h := Handler{Headers: Headers{Own: []Header{{Name: "X-User", Value: "username"}, own}}}
		if got := h.config().OIDC.KeepAccessToken; got != want {
			t.Errorf("%s: the token is kept: %v", value, got)
		}
	}
}
