package oidc

import (
	"errors"
	"net/http"
	"testing"

	"golang.org/x/oauth2"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// TestToken_RefusalsOfTheEndpointHaveCodes: authentik tells so that its provider
// allows no such grant, among other things.
func TestToken_RefusalsOfTheEndpointHaveCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]fault.Code{
		"invalid_client": fault.ClientRejected, "unauthorized_client": fault.ClientRejected,
		"unsupported_grant_type": fault.ClientRejected, "invalid_request": fault.ClientRejected,
		"invalid_grant": fault.TokenInvalid, "server_error": fault.AuthentikUnexpected, "": fault.AuthentikUnexpected,
	} {
		err := tokenFailure(&oauth2.RetrieveError{ErrorCode: code, Response: &http.Response{StatusCode: http.StatusBadRequest}})
		if got := fault.From(err).Code; got != want {
			t.Errorf("%q: got %s, want %s", code, got, want)
		}
	}
	cause := errors.New("no answer")
	if got := tokenFailure(cause); !errors.Is(got, cause) {
		t.Errorf("no answer: got %v, want %v", got, cause)
	}
}
