package authentiktest

import (
	"fmt"
	"slices"
	"testing"
)

func TestClaims_LeftOutOfTokensByClaimsApart(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		p := newParty(t, Release202605, quickly, func(p *Provider) {
			p.ClaimsApart, p.Claims = apart, map[string]map[string]any{"profile": {"department": "Optics"}}
		})
		token := p.enters()
		id, userinfo := p.claims(token), p.userinfo(token)
		for _, name := range []string{"email", "email_verified", "name", "preferred_username", "groups", "department"} {
			if told := id[name] != nil; told == apart {
				t.Errorf("ClaimsApart %t: got ID token with %s = %v", apart, name, id[name])
			}
			if told := claimsOf(token.AccessToken)[name] != nil; told == apart {
				t.Errorf("ClaimsApart %t: access token has %s: got %t", apart, name, told)
			}
			if userinfo[name] == nil {
				t.Errorf("ClaimsApart %t: got userinfo without %s, want it there", apart, name)
			}
		}
		u, _ := p.authentik.User("oi-alice")
		want(t, id, "sub", u.UID, "aud", "oi-code")
	}
}

func TestClaims_ScopeMappingsOverrideOtherClaims(t *testing.T) {
	t.Parallel()
	p := newParty(t, Release202605, quickly, func(p *Provider) {
		p.Claims = map[string]map[string]any{
			"profile":     {"groups": "one, two", "nickname": 7, "sub": "another user"},
			"email":       {"email_verified": true},
			"never asked": {"secret": "yes"},
		}
	})
	token := p.enters()
	want(t, p.claims(token), "groups", "one, two", "nickname", 7.0, "email_verified", true, "secret", nil, "sub", "another user")
	u, _ := p.authentik.User("oi-alice")
	want(t, p.userinfo(token), "groups", "one, two", "sub", u.UID)
}

func TestClaims_AMRHasTheMethodsOfTheSignIn(t *testing.T) {
	t.Parallel()
	codes := Device{Class: DeviceStatic, Codes: []string{"mine01"}}
	s, c := serve(t, Config{
		Users: []User{having("lg-one", codes), person("lg-two")}, SigningKey: signingKey(),
		Flows: []Flow{
			mfa("both", &AuthenticatorValidateStage{}), oneStep("password"),
			flowOf("factor", ask(), &AuthenticatorValidateStage{}, &UserLoginStage{}),
			flowOf("neither", ask(), &UserLoginStage{}),
		},
		Applications: []Application{relying("oi-one")},
	})
	for slug, amr := range map[string][]any{
		"both": {"pwd", "mfa"}, "password": {"pwd"}, "factor": {"mfa"}, "neither": nil,
	} {
		s.EditUser("lg-one", func(u *User) { u.Devices[0].Codes = []string{"mine01"} })
		b := browse(t, c.base)
		b.login(slug, "lg-one")
		b.code(slug, "mine01")
		told, _ := claimsOf(access(t, s, b.cookie(cookieSession), "oi-one"))["amr"].([]any)
		if !slices.Equal(told, amr) {
			t.Errorf("flow %s: got amr %v, want %v", slug, told, amr)
		}
	}
	b := browse(t, c.base)
	b.login("both", "lg-two") // lg-two has no device
	if told := claimsOf(access(t, s, b.cookie(cookieSession), "oi-one"))["amr"]; fmt.Sprint(told) != "[pwd]" {
		t.Errorf("got amr %v after a skipped factor, want only the password", told)
	}
}

func TestClaims_AMROfAPasskey(t *testing.T) {
	t.Parallel()
	for l, amr := range map[login][]string{
		{method: methodPasskey}:               {"user"},
		{method: methodPasskey, second: true}: {"user", "mfa"},
		{method: methodFactor, second: true}:  {"mfa"},
		{method: "token"}:                     nil,
	} {
		if got := l.amr(); !slices.Equal(got, amr) {
			t.Errorf("%+v: got amr %v, want %v", l, got, amr)
		}
	}
}
