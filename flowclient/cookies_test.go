package flowclient

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func setting(lines ...string) http.Header { return http.Header{"Set-Cookie": lines} }

func TestCookies_AreKeptRegardlessOfTheirAttributes(t *testing.T) {
	t.Parallel()
	got := Cookies{"old": "1", "authentik_session": "before"}.After(setting(
		"authentik_session=after; HttpOnly; Path=/auth/; SameSite=None; Secure; Domain=example.com",
		"authentik_device=d; expires=Fri, 01 May 2026 12:00:01 GMT; Path=/; SameSite=Lax",
		"authentik_mfa=m; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60",
		"route=node-3",
	), noon)
	want := Cookies{"old": "1", "authentik_session": "after", "authentik_device": "d", "authentik_mfa": "m", "route": "node-3"}
	if !maps.Equal(got, want) {
		t.Errorf("got %q", map[string]string(got))
	}
}

func TestCookies_ExpiredOnesAreDeleted(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`authentik_session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/`,
		"authentik_session=x; Max-Age=0",
		"authentik_session=x; Max-Age=-5",
		"authentik_session=x; expires=Fri, 01 May 2026 12:00:00 GMT",
		"authentik_session=",
	} {
		before := Cookies{sessionCookie: "s", "authentik_device": "d"}
		got := before.After(setting(line), noon)
		if !maps.Equal(got, Cookies{"authentik_device": "d"}) {
			t.Errorf("got %[2]q after %[1]s, want only the device", line, map[string]string(got))
		}
		if before[sessionCookie] != "s" {
			t.Error("got the caller's cookies changed")
		}
	}
}

func TestCookies_MalformedOnesAreIgnored(t *testing.T) {
	t.Parallel()
	got := Cookies(nil).After(setting("", "=x", "a b=c", "noequals", "a=\x00", "fine=1"), noon)
	if !maps.Equal(got, Cookies{"fine": "1"}) {
		t.Errorf("got %q", map[string]string(got))
	}
}

func TestCookies_AreBoundedAndAuthentiksHavePrecedence(t *testing.T) {
	t.Parallel()
	c := Cookies{}
	for i := range 100 {
		c = c.After(setting(fmt.Sprintf("front%02d=%s", i, strings.Repeat("x", 200))), noon)
	}
	if c.tooMany() || len(c) != maxCookies {
		t.Errorf("got %d cookies, want %d", len(c), maxCookies)
	}
	for _, line := range []string{"authentik_session=" + strings.Repeat("s", 4000), "authentik_csrf=c", "authentik_device=" + strings.Repeat("d", 3000)} {
		c = c.After(setting(line), noon)
	}
	if c.tooMany() || len(c[sessionCookie]) != 4000 || c[csrfCookie] != "c" || len(c["authentik_device"]) != 3000 {
		t.Errorf("got %d cookies and a session of %d bytes, want authentik's cookies kept", len(c), len(c[sessionCookie]))
	}
	c = c.After(setting("authentik_session="+strings.Repeat("s", maxCookieBytes+1)), noon)
	if c.tooMany() || len(c[sessionCookie]) != 4000 {
		t.Errorf("got a session of %d bytes after one that is too large, want the previous one", len(c[sessionCookie]))
	}
}

func TestCookies_SecureOnesAreSentOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(whoAreYou, session("a", false)), says(whoAreYou))
	c := f.client()
	step, err := c.Ask(t.Context(), Visitor{}, login)
	shows[Identification](t, step, err)
	step, err = c.Ask(t.Context(), Visitor{Cookies: step.Cookies}, login)
	shows[Identification](t, step, err)
	if f.seen(1).cookies[sessionCookie] != token("a", false) {
		t.Error("got no session cookie, want it sent over HTTP")
	}
}

func TestCSRF_OnlySignedInSessionsGetAToken(t *testing.T) {
	t.Parallel()
	ask := func(v Visitor) (turn, Step) {
		f := newFake(t, says(whichSecret))
		step, err := f.client().Answer(t.Context(), v, login, PasswordAnswer{Password: "x"})
		shows[Password](t, step, err)
		return f.seen(0), step
	}
	got, step := ask(holding("a", true))
	made := got.header.Get(csrfHeader)
	if len(made) != 32 || got.cookies[csrfCookie] != made || step.Cookies[csrfCookie] != made {
		t.Errorf("got a header of %d characters, the same as the cookie: %v; want 32, true", len(made), got.cookies[csrfCookie] == made)
	}
	if again, _ := ask(holding("a", true)); again.header.Get(csrfHeader) == made {
		t.Error("got the same token twice")
	}
	if got, _ = ask(holding("a", false)); got.header.Get(csrfHeader) != "" || got.cookies[csrfCookie] != "" {
		t.Error("got a token for an anonymous session, want none")
	}
	v := holding("a", true)
	v.Cookies[csrfCookie] = "authentiks-own"
	if got, _ = ask(v); got.header.Get(csrfHeader) != "authentiks-own" {
		t.Error("got another token than authentik's own")
	}
	v = Visitor{Cookies: Cookies{sessionCookie: "of-another-form"}}
	if got, _ = ask(v); got.header.Get(csrfHeader) == "" {
		t.Error("got no token for a session that cannot be read")
	}
}

func TestLog_CookiesAndAnswersAreWithheld(t *testing.T) {
	t.Parallel()
	const secret = "geheim"
	step := Step{Flow: login, Challenge: decoded(t, []byte(`{"component":"ak-stage-authenticator-static","codes":["geheim"]}`)), Cookies: Cookies{"authentik_session": secret}}
	s := secret
	values := []any{
		step, step.Cookies, step.Challenge,
		Visitor{Cookies: step.Cookies},
		IdentificationAnswer{UID: s, Password: s, CaptchaToken: s, Passkey: []byte(`"geheim"`)},
		PasswordAnswer{s},
		CaptchaAnswer{s},
		ValidateCodeAnswer{s},
		ValidateWebAuthnAnswer{[]byte(`"geheim"`)},
		ValidateDuoAnswer{s},
		ValidateStageAnswer{s},
		ValidateDeviceAnswer{DeviceChallenge{Class: s, UID: s, Challenge: []byte(`"geheim"`)}},
		AuthenticatorTOTPAnswer{s},
		AuthenticatorSMSAnswer{PhoneNumber: s, Code: s},
		AuthenticatorEmailAnswer{Email: s, Code: s},
		AuthenticatorWebAuthnAnswer{[]byte(`"geheim"`)},
		ConsentAnswer{s},
		PromptAnswer{map[string]any{s: s}},
		DeviceCodeAnswer{s},
		EndpointAgentAnswer{&s},
		SourceTelegramAnswer{map[string]any{s: s}},
	}
	for _, v := range values {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, verb := range []string{"%v", "%+v", "%s", "%q", "%#v", "%x"} {
			fmt.Fprintf(&log, verb, v)
		}
		if strings.Contains(log.String(), secret) || strings.Contains(log.String(), fmt.Sprintf("%x", secret)) {
			t.Errorf("%T: got its secret in %s", v, log.String())
		}
	}
}
