package oidc

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"

	"golang.org/x/oauth2"
)

func TestRequest_AnswerOfTheAuthorizeEndpointIsRead(t *testing.T) {
	t.Parallel()
	const issuer = "https://auth.example.com/application/o/app/"
	a := authn.NewRequest("https://app.example.com/.authentik/callback")
	good := "?code=abc&state=" + a.State
	for _, tt := range []struct {
		name, query string
		want        fault.Code // empty for a code
	}{
		{"a code", good, ""},
		{"with its issuer", good + "&iss=" + url.QueryEscape(issuer), ""},
		{"with the state of a session", good + "&session_state=x", ""},
		{"another state", "?code=abc&state=another", fault.TokenInvalid},
		{"no state", "?code=abc", fault.TokenInvalid},
		{"an empty state", "?code=abc&state=", fault.TokenInvalid},
		{"two states", good + "&state=another", fault.BadRequest},
		{"two codes", good + "&code=def", fault.BadRequest},
		{"no code", "?state=" + a.State, fault.BadRequest},
		{"another issuer", good + "&iss=https%3A%2F%2Fevil.example.com%2F", fault.IssuerMismatch},
		{"a token beside it", good + "&access_token=x", fault.BadRequest},
		{"not to be read", good + "&%zz", fault.BadRequest},
		{"denied", "?error=access_denied&state=" + a.State, fault.DeniedByFlow},
		{"grant type", "?error=invalid_request&error_description=x&state=" + a.State, fault.ClientRejected},
		{"an error with a code", good + "&error=server_error", fault.AuthentikUnexpected},
		{"an error of another sign-in", "?error=access_denied&state=another", fault.TokenInvalid},
	} {
		code, err := codeIn(a, a.Redirect+tt.query, issuer)
		switch {
		case tt.want == "" && (err != nil || code != "abc"):
			t.Errorf("%s: got %q, %v, want abc", tt.name, code, err)
		case tt.want != "" && (err == nil || fault.From(err).Code != tt.want):
			t.Errorf("%s: %q, %v, want %s", tt.name, code, err, tt.want)
		}
	}
	if _, err := codeIn(a, a.Redirect+"?error=login_required&state="+a.State, issuer); !errors.Is(err, authn.ErrNotSignedIn) {
		t.Errorf("got error %v, want %v", err, authn.ErrNotSignedIn)
	}
}

// TestResponse_ErrorIsQuotedInPart: any client can load the redirect URI, and the
// error is logged.
func TestResponse_ErrorIsQuotedInPart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("e", 50<<10)
	said, err := ReadResponse(url.Values{"error": {long}, "error_description": {long}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = said.code(""); err == nil || len(fault.Cause(err).Error()) > 1000 {
		t.Errorf("got an error text of %d bytes, want one of at most 1000", len(fault.Cause(err).Error()))
	}
}

func TestRequest_IsAnsweredOnlyByItsRedirectURI(t *testing.T) {
	t.Parallel()
	a := authn.NewRequest("https://app.example.com/.authentik/callback")
	for to, want := range map[string]bool{
		"https://app.example.com/.authentik/callback?code=x":             true,
		"https://app.example.com/.authentik/callback":                    false,
		"https://app.example.com/.authentik/callback/?code=x":            false,
		"https://app.example.com/.authentik/callbacks?code=x":            false,
		"https://app.example.com.evil.com/.authentik/callback?code=x":    false,
		"https://app.example.com@evil.com/.authentik/callback?code=x":    false,
		"http://app.example.com/.authentik/callback?code=x":              false,
		"//app.example.com/.authentik/callback?code=x":                   false,
		"https://evil.com/?https://app.example.com/.authentik/callback?": false,
	} {
		if got := a.AnsweredBy(to); got != want {
			t.Errorf("%s: got %v, want %v", to, got, want)
		}
	}
}

func TestRequest_IsBoundToItsSignIn(t *testing.T) {
	t.Parallel()
	config := oauth2.Config{ClientID: "gate", Endpoint: oauth2.Endpoint{AuthURL: "https://auth.example.com/application/o/authorize/"}}
	one, two := authn.NewRequest("https://app.example.com/cb"), authn.NewRequest("https://app.example.com/cb")
	said := parameters(one, config)
	if said.Get("code_challenge_method") != "S256" || said.Get("code_challenge") != oauth2.S256ChallengeFromVerifier(one.Verifier) {
		t.Errorf("got %v, want the challenge of the verifier (PKCE)", said)
	}
	if said.Get("nonce") != one.Nonce || said.Get("state") != one.State || len(one.Nonce) < 22 || len(one.State) < 22 {
		t.Errorf("got %v, want the nonce and the state of the request", said)
	}
	for name, values := range parameters(two, config) {
		if same := said.Get(name) == values[0]; same != (name == "client_id" || name == "redirect_uri" || name == "response_type" || name == "code_challenge_method") {
			t.Errorf("got %s the same in two requests: %v, want another", name, same)
		}
	}
}
