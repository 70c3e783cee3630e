package fault

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Failures without a remedy are those of one visitor or program, not of the
// operator.
func TestRemedy_ExistsForWhatOperatorsCanMend(t *testing.T) {
	t.Parallel()
	visitors := map[Code]bool{
		SignInRequired: true, VisitLost: true, VisitExpired: true, BadRequest: true, TooLarge: true, NotFound: true, MethodNotAllowed: true,
	}
	for _, code := range Codes() {
		if got := code.Remedy() == ""; got != visitors[code] {
			t.Errorf("%s: got no remedy: %v, want %v", code, got, visitors[code])
		}
	}
}

// tls_name must be a name that the certificate has and that can be written.
func TestRemedy_LeavesOutNamesThatAreNotChecked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  *flowclient.TLSError
		want string
	}{
		"several":            {&flowclient.TLSError{Names: []string{"a.example.com", "10.0.0.5"}}, "set tls_name to one of the names in authentik's certificate (a.example.com, 10.0.0.5)"},
		"authentik's own":    {&flowclient.TLSError{Names: []string{"*"}, PinSHA256: "0f"}, "check that the certificate is authentik's and set pin 0f"},
		"only a common name": {&flowclient.TLSError{Names: []string{"a.example.com"}, OnlyCommonName: true, PinSHA256: "0f"}, "check that the certificate is authentik's and set pin 0f"},
		"none":               {&flowclient.TLSError{PinSHA256: "0f"}, "check that the certificate is authentik's and set pin 0f"},
	} {
		tt.err.Reason = flowclient.TLSWrongName
		if got := New(AuthentikTLS, tt.err).Remedy(); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
