package rules

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// checkAll runs a check over values that are right or wrong.
func checkAll(t *testing.T, check func(string) error, values map[string]bool) {
	t.Helper()
	for value, right := range values {
		err := check(value)
		if (err == nil) != right {
			t.Errorf("%q: got %v, want right: %v", value, err, right)
		}
		if err != nil && !strings.Contains(err.Error(), "; ") {
			t.Errorf("%q: got %q, want what to write instead", value, err)
		}
	}
}

func TestClientID_IsWhatOAuthAllows(t *testing.T) {
	t.Parallel()
	checkAll(t, ClientID, map[string]bool{
		"wiki": true, "a": true, "Zm9v/+=": true, "two words": true, strings.Repeat("x", 255): true,
		"": false, " wiki": false, "wiki ": false, "wiki\n": false, "wïki": false, strings.Repeat("x", 256): false,
	})
}

func TestScopes_AreWhatOAuthAllows(t *testing.T) {
	t.Parallel()
	for scope, right := range map[string]bool{
		"openid": true, "goauthentik.io/api": true, "!#[]~": true, "https://example.com/{x}": true,
		"": false, "two words": false, `quo"te`: false, `back\slash`: false, "tab\t": false, "ümlaut": false, "\x7f": false,
	} {
		if wrong := Scopes([]string{scope}); (wrong == nil) != right {
			t.Errorf("%q: got %v, want right: %v", scope, wrong, right)
		}
	}
	if wrong := Scopes([]string{"email", "openid", "email"}); len(wrong) != 1 {
		t.Errorf("got %v for a scope that is there twice, want one mistake", wrong)
	}
}

func TestPrefix_MeansTheSameInEveryURL(t *testing.T) {
	t.Parallel()
	checkAll(t, Prefix, map[string]bool{
		"/.authentik": true, "/a/b": true, "/~x_y-z": true,
		"": false, "/": false, "a": false, "/a/": false, "//a": false, "/a/../b": false, "/a/.": false, "/%61": false, "/a b": false, "/ä": false,
	})
}

// People copy the address of authentik from a page of it.
func TestAuthentik_AddressOfAPageIsRefused(t *testing.T) {
	t.Parallel()
	const example = "https://auth.example.com"
	checkAll(t, Authentik(example), map[string]bool{
		example: true, example + "/": true, "http://authentik:9000/authentik/": true, example + "/iffy": true,
		example + "/if/admin/": false, example + "/if/flow/login/": false, example + "/api/v3": false, example + "/outpost.goauthentik.io/auth/caddy": false,
		example + "/application/o/wiki/": false, example + "/sso/if/user/": false, example + ":99999": false, example + ":0": false, "auth.example.com": false,
	})
	if err := Authentik(example)("https://a.example.com/sso/if/user/"); err == nil || !strings.HasSuffix(err.Error(), "; write https://a.example.com/sso") {
		t.Errorf("got %v, want the address to write", err)
	}
}

func TestOrigin_HasNoPath(t *testing.T) {
	t.Parallel()
	checkAll(t, Origin, map[string]bool{
		"https://app.example.com": true, "http://localhost:8080": true, "https://[2001:db8::1]": true,
		"": false, "app.example.com": false, "ftp://app.example.com": false, "https://": false, "https://app.example.com/": false,
		"https://app.example.com/x": false, "https://user@app.example.com": false, "https://app.example.com?x": false, "https://app.example.com#x": false,
	})
}

func TestHeaderName_CannotChangeTheTransfer(t *testing.T) {
	t.Parallel()
	checkAll(t, HeaderName, map[string]bool{
		"X-User": true, "remote_user": true, "X.User": true, strings.Repeat("x", 64): true,
		"X-Forwarded-User": true, "x-forwarded-For": false, "X-Forwarded-Host": false, "X-Forwarded-Proto": false, "Via": false,
		"": false, "X User": false, "X-Üser": false, "X~User": false, "host": false, "Cookie": false, "TE": false, "transfer-Encoding": false, strings.Repeat("x", 65): false,
	})
}

func TestCookieName_LeavesPrefixesToTheGate(t *testing.T) {
	t.Parallel()
	checkAll(t, CookieName, map[string]bool{
		"authentik_session": false, "authentik_csrf": false, "authentik_visit": false, "authentik_back3": false, "authentik_user": false, "authentik_proxy_1a2b3c4d": false,
		"authentik_gate": true, "authentik_admin": true, "a.b-c~d": true, "_x": true,
		"": false, "__Host-x": false, "__x": false, "a b": false, "a=b": false, "ä": false, strings.Repeat("x", 65): false,
	})
}

// Browsers keep no cookie for a public suffix.
func TestCookieDomain_IsNotAPublicSuffix(t *testing.T) {
	t.Parallel()
	checkAll(t, CookieDomain, map[string]bool{
		"example.com": true, "Example.COM": true, "sso.example.co.uk": true, "home.duckdns.org": true, "corp.internal": true, "my.home.arpa": true,
		"duckdns.org": false, "DuckDNS.org": false, "co.uk": false, "github.io": false, "com": false, "localhost": false, "home.arpa": false,
		".example.com": false, "192.0.2.1": false, "2001:db8::1": false, "example.com.": false, "exa mple.com": false, "": false, "-a.com": false,
	})
}

func TestCookieDomain_SaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"example.com.": "example.com", "*.example.com": "example.com", "example.com:8443": "example.com", "https://example.com/x": "example.com",
		"bücher.example": "xn--bcher-kva.example", "*.Bücher.example": "xn--bcher-kva.example", "lan": "the name above your hosts, such as example.com",
	} {
		if err := CookieDomain(domain); err == nil || !strings.HasSuffix(err.Error(), "; write "+want) {
			t.Errorf("%s: got %v, want write %s", domain, err, want)
		}
	}
}

func TestReach_DistinguishesHostsBelowTheDomain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		domain, host string
		want         CookieReach
	}{
		{"example.com", "example.com", Reached},
		{"example.com", "app.example.com", Reached},
		{"Example.com", "APP.example.COM:8443", Reached},
		{"example.com", "app.example.com.", Reached},
		{"example.com", "*.example.com", Reached},
		{"example.com", "*.app.example.com", Reached},
		{"app.example.com", "*.example.com", PartlyReached},
		{"app.example.com", "example.com", NotReached},
		{"example.com", "badexample.com", NotReached},
		{"example.com", "app.example.org", NotReached},
		{"example.com", "*.example.org", NotReached},
		{"example.com", "localhost:8080", NotReached},
		{"example.com", "192.0.2.1", NotReached},
	} {
		if got := Reach(tt.domain, tt.host); got != tt.want {
			t.Errorf("Reach(%q, %q) = %v, want %v", tt.domain, tt.host, got, tt.want)
		}
	}
}

// The packages that use a value have bounds of their own, which must be the
// same.
func TestRules_AgreeWithThePackagesBelow(t *testing.T) {
	t.Parallel()
	if MinKey != seal.MinKey {
		t.Errorf("got a least key of %d bytes, want %d", MinKey, seal.MinKey)
	}
	for _, text := range []string{"wiki", "Wiki_2-b", "", "two words", "a/b", "ä", "a\n", ".."} {
		if got, want := Slug(text) == nil, (flowclient.Flow{Slug: text}).Valid(); got != want {
			t.Errorf("Slug(%q): got right: %v, want %v", text, got, want)
		}
	}
}
