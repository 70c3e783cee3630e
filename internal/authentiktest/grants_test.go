package authentiktest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// submit sends a form as a client does, and returns the JSON of the answer.
func (c *client) submit(path string, fields ...string) object {
	c.t.Helper()
	body := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		body.Set(fields[i], fields[i+1])
	}
	return c.do(http.MethodPost, path, body.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// twoClients is a stand-in with two confidential clients and a signed-in
// browser. It is of the newest release unless another is named.
func twoClients(t *testing.T, release ...Release) (*Server, *client, *clock) {
	t.Helper()
	now := newClock()
	one := relying("oi-one", func(p *Provider) {
		p.RedirectURIs = append(p.RedirectURIs, "https://app.example.com/second")
		p.LogoutURIs = []string{"https://app.example.com/out"}
	})
	release = append(release, Release202608)
	s, c := serve(t, Config{
		Release: release[0],
		Now:     now.now, SigningKey: signingKey(), Users: people("lg-one", "lg-two"),
		Flows:  []Flow{oneStep("in"), deviceFlow("device")},
		Brands: []Brand{{Default: true, FlowAuthentication: "in", FlowDeviceCode: "device"}},
		Applications: []Application{
			one, relying("oi-two"),
			{Slug: "oi-closed", Policies: []Policy{says(false)}, Provider: &Provider{ClientID: "oi-closed", Secret: "s", GrantTypes: everyGrant}},
		},
	})
	c.login("in", "lg-one")
	return s, c, now
}

const tokenPath = "/application/o/token/"

// granted are a code and tokens of the client oi-one.
func granted(s *Server, c *client) (code string, answer object) {
	c.t.Helper()
	u, _ := s.User("lg-one")
	fresh := func() string {
		return s.grants.keepCode(grant{
			client: "oi-one", user: u.PK, session: s.load(c.cookie(cookieSession)).id, until: s.now().Add(time.Minute), asked: callback, scopes: []string{"openid", scopeOffline},
		})
	}
	answer = c.submit(tokenPath, "grant_type", "authorization_code", "code", fresh(), "redirect_uri", callback,
		"client_id", "oi-one", "client_secret", "oi-one-secret")
	want(c.t, answer, "status", http.StatusOK)
	return fresh(), answer
}

func TestTokenEndpoint_RefusesOtherClients(t *testing.T) {
	t.Parallel()
	s, c, _ := twoClients(t)
	code, answer := granted(s, c)
	refresh, _ := answer["refresh_token"].(string)
	for what, fields := range map[string][]string{
		"a code for another address": {
			"grant_type", "authorization_code", "code", code, "redirect_uri", "https://app.example.com/second",
			"client_id", "oi-one", "client_secret", "oi-one-secret",
		},
		"the code of another client": {
			"grant_type", "authorization_code", "code", code, "redirect_uri", callback,
			"client_id", "oi-two", "client_secret", "oi-two-secret",
		},
		"the refresh token of another client": {
			"grant_type", "refresh_token", "refresh_token", refresh, "client_id", "oi-two", "client_secret", "oi-two-secret",
		},
	} {
		if got := c.submit(tokenPath, fields...); got["error"] != "invalid_grant" {
			t.Errorf("%s: got %v", what, got)
		}
	}
	want(t, c.submit(tokenPath, "grant_type", "refresh_token", "refresh_token", refresh,
		"client_id", "oi-one", "client_secret", "oi-one-secret"), "status", http.StatusOK)
}

func TestTokens_RefreshTokenIsNotAnAccessToken(t *testing.T) {
	t.Parallel()
	s, c, _ := twoClients(t)
	_, answer := granted(s, c)
	for name, status := range map[string]int{"access_token": http.StatusOK, "refresh_token": http.StatusUnauthorized} {
		token, _ := answer[name].(string)
		got := c.do(http.MethodGet, "/application/o/userinfo/", "", "Authorization", "Bearer "+token)
		if got["status"] != status {
			t.Errorf("userinfo with the %s: got %v", name, got)
		}
	}
}

// device asks for a device code and returns it with the code for the user.
func (c *client) device(id string) (code, entry string) {
	c.t.Helper()
	answer := c.submit("/application/o/device/", "client_id", id, "scope", "openid")
	code, _ = answer["device_code"].(string)
	entry, _ = answer["user_code"].(string)
	return code, entry
}

// enter opens the page for the code of a device and returns the flow that it
// leads to.
func (c *client) enter(entry string) string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+"/device?code="+entry, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		c.t.Fatal(err)
	}
	return strings.Trim(strings.TrimPrefix(res.Request.URL.Path, "/if/flow/"), "/")
}

func TestDeviceGrant_CodesAreForOneClientAndExpire(t *testing.T) {
	t.Parallel()
	_, c, now := twoClients(t)
	poll := func(id, code string) object {
		return c.submit(tokenPath, "grant_type", grantDevice, "client_id", id, "client_secret", id+"-secret", "device_code", code)
	}
	code, entry := c.device("oi-one")
	if flow := c.enter(entry); flow != "default-provider-authorization-implicit-consent" {
		t.Fatalf("got %q after a device's code, want its flow", flow)
	}
	c.do(http.MethodGet, executor("default-provider-authorization-implicit-consent"), "")
	want(t, poll("oi-two", code), "error", "invalid_grant")
	want(t, poll("oi-one", code), "status", http.StatusOK)

	_, closed := c.device("oi-closed")
	if flow := c.enter(closed); flow != "device" {
		t.Errorf("got %q after the code for an application without access, want the device flow again", flow)
	}
	_, entry = c.device("oi-one")
	now.pass(2 * time.Minute)
	if flow := c.enter(entry); flow != "device" {
		t.Errorf("got %q after an expired code, want the device flow again", flow)
	}
}

func TestDeviceGrant_NeedsTheClientSecret(t *testing.T) {
	t.Parallel()
	for release, refusal := range map[Release]string{
		Release202605: "authorization_pending", Release202608: "invalid_client",
	} {
		_, c, _ := twoClients(t, release)
		code, _ := c.device("oi-one")
		want(t, c.submit(tokenPath, "grant_type", grantDevice, "client_id", "oi-one", "device_code", code), "error", refusal)
	}
}
