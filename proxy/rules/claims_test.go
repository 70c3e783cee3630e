package rules

import (
	"strings"
	"testing"
)

var (
	session    = Source{}
	openID     = Source{OpenID: true, Scopes: []string{"openid", "profile", "email"}}
	attributes = Source{OpenID: true, Scopes: []string{"openid", "profile", AttributeScope}}
)

func TestClaim_HasAValidName(t *testing.T) {
	t.Parallel()
	checkAll(t, openID.Claim, map[string]bool{
		"tenant": true, "https://example.com/role": true, "urn:example:role": true, "is_staff": true, "a-b.c": true, strings.Repeat("x", 100): true,
		"": false, "a b": false, "a\n": false, "{x}": false, "rôle": false, strings.Repeat("x", 101): false,
	})
}

func TestClaim_IsRefusedWhereItWouldBeEmpty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim                       string
		session, openID, attributes bool
	}{
		{"id", true, true, true},
		{"username", true, true, true},
		{"name", true, true, true},
		{"email", true, true, true},
		{"uid", true, true, true},
		{"groups", true, true, true},
		{"session", true, true, true},
		{"access_token", false, true, true},
		{"tenant", false, true, true},
		{"preferred_username", false, true, true},
		{"sub", false, true, true},
		{"attributes.tenant", false, false, true},
		{"attributes.a.b", false, false, true},
		{"attributes.", false, false, false},
		{"id_token", false, false, false},
		{"amr", false, false, false},
		{"acr", false, false, false},
		{"auth_time", false, false, false},
		{"sid", false, false, false},
		{"iss", false, false, false},
		{"aud", false, false, false},
		{"exp", false, false, false},
		{"nonce", false, false, false},
		{AttributeScope, false, false, false},
	} {
		for source, want := range map[*Source]bool{&session: tt.session, &openID: tt.openID, &attributes: tt.attributes} {
			err := source.Claim(tt.claim)
			if (err == nil) != want {
				t.Errorf("%s with %+v: got %v, want right: %v", tt.claim, *source, err, want)
			}
			if err != nil && !strings.Contains(err.Error(), ";") {
				t.Errorf("%s: got %q, want what to write instead", tt.claim, err)
			}
		}
	}
}

func TestClaim_SaysWhatToWriteInstead(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{
		"amr":               "write require mfa",
		"auth_time":         "write max_age",
		"sid":               "write session",
		"attributes.tenant": "write scopes openid profile email ak_proxy",
	} {
		if err := openID.Claim(claim); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", claim, err, want)
		}
	}
}

func TestRequirement_CanBeMet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim                       string
		session, openID, attributes bool
	}{
		{"group", true, true, true},
		{"user", true, true, true},
		{"groups", false, true, true},
		{"tenant", false, true, true},
		{"attributes.tenant", false, false, true},
		{"amr", false, false, false},
		{"auth_time", false, false, false},
		{"a b", false, false, false},
		{"", false, false, false},
	} {
		for source, want := range map[*Source]bool{&session: tt.session, &openID: tt.openID, &attributes: tt.attributes} {
			if err := source.Requirement(tt.claim, []string{"x", "y"}); (err == nil) != want {
				t.Errorf("require %s with %+v: got %v, want right: %v", tt.claim, *source, err, want)
			}
		}
	}
	for _, values := range [][]string{nil, {"x", "x"}} {
		if err := session.Requirement("group", values); err == nil {
			t.Errorf("require group %q: got no error", values)
		}
	}
}
