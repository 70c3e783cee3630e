package authentiktest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// wished returns the response of end-session to a post_logout_redirect_uri
// and the challenge after it.
func wished(c *client, address, hint string) (status, challenge any) {
	c.t.Helper()
	query := "post_logout_redirect_uri=" + url.QueryEscape(address)
	if hint != "" {
		query += "&id_token_hint=" + hint
	}
	answer := c.do(http.MethodGet, "/application/o/oi-one/end-session/?"+query, "")
	got := c.do(http.MethodGet, executor("default-provider-invalidation-flow")+url.QueryEscape(query), "")
	return answer["status"], got["component"]
}

func TestEndSession_OnlyRegisteredAddressesAreFollowed(t *testing.T) {
	t.Parallel()
	const registered, end, goOn = "https://app.example.com/out", "ak-stage-session-end", "xak-flow-redirect"
	for address, want := range map[string]string{
		registered: goOn, registered + "/there": end, "https://evil.example.net/": end,
	} {
		_, c, _ := twoClients(t, Release202605)
		if status, challenge := wished(c, address, ""); status != http.StatusOK || challenge != want {
			t.Errorf("2026.5, %s: got %v and %v, want 200 and %s", address, status, challenge, want)
		}
	}
}

func TestEndSession_UnverifiableRequestIsABadRequest(t *testing.T) {
	t.Parallel()
	const registered, other = "https://app.example.com/out", "https://app.example.com/out/there"
	s, c, _ := twoClients(t, Release202608)
	_, answer := granted(s, c)
	hint, _ := answer["id_token"].(string)
	forged := hint[:len(hint)-4] + "AAAA"
	for name, tc := range map[string]struct {
		address, hint string
		status        int
	}{
		"an address without a hint":       {registered, "", http.StatusBadRequest},
		"an address that is not known":    {other, hint, http.StatusBadRequest},
		"a forged hint":                   {registered, forged, http.StatusBadRequest},
		"no token for a hint":             {registered, "nonsense", http.StatusBadRequest},
		"the registered one, with a hint": {registered, hint, http.StatusOK},
	} {
		if status, _ := wished(c, tc.address, tc.hint); status != tc.status {
			t.Errorf("%s: got status %v, want %d", name, status, tc.status)
		}
		c.do(http.MethodGet, "/flows/-/cancel/", "")
	}
	if got := c.do(http.MethodGet, "/api/v3/core/users/me/", ""); got["status"] != http.StatusOK {
		t.Errorf("got %v from users/me after refused logouts, want the session kept", got)
	}
}

// A hint names its issuer, which includes host and scheme.
func TestEndSession_HintMustComeFromTheSameHost(t *testing.T) {
	t.Parallel()
	s, c, _ := twoClients(t, Release202608)
	_, answer := granted(s, c)
	hint, _ := answer["id_token"].(string)
	r := request(t, "")
	p, app, _ := s.client("oi-one")
	if v := s.visit(r); v.issuedHere(p, app, hint) {
		t.Errorf("got a hint of %s accepted at %s, want it refused", c.base, r.Host)
	}
	r.Host = strings.TrimPrefix(c.base, "http://")
	if v := s.visit(r); !v.issuedHere(p, app, hint) {
		t.Errorf("got a hint of %s refused at %s, want it accepted", c.base, r.Host)
	}
}

func TestEndSession_AccessTokensOfTheClientEnd(t *testing.T) {
	t.Parallel()
	for release, status := range map[Release]int{Release202605: http.StatusOK, Release202608: http.StatusUnauthorized} {
		s, c, _ := twoClients(t, release)
		_, answer := granted(s, c)
		token, _ := answer["access_token"].(string)
		c.do(http.MethodGet, "/application/o/oi-one/end-session/", "")
		got := c.do(http.MethodGet, "/application/o/userinfo/", "", "Authorization", "Bearer "+token)
		if got["status"] != status {
			t.Errorf("%s: got status %v from userinfo, want %d", release, got["status"], status)
		}
		refresh, _ := answer["refresh_token"].(string)
		want(t, c.submit(tokenPath, "grant_type", "refresh_token", "refresh_token", refresh,
			"client_id", "oi-one", "client_secret", "oi-one-secret"), "status", http.StatusOK)
	}
}
