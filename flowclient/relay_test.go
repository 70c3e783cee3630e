package flowclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// commands are headers that say something about a server or a host.
var commands = []string{
	"Accept-Ranges", "Access-Control-Allow-Origin", "Age", "Alt-Svc", "Clear-Site-Data", "Date", "Keep-Alive", "Last-Modified", "Link",
	"Proxy-Authenticate", "Refresh", "Report-To", "Server", "Service-Worker-Allowed", "Strict-Transport-Security", "Upgrade", "Via",
	"Www-Authenticate", "X-Anything", "X-Powered-By",
}

func TestRelay_PassesOnTheListedHeadersOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range commands {
			w.Header().Set(name, "x")
		}
		w.Header().Set("Set-Cookie", session("b", false))
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	})
	browser := http.Header{
		"Accept": {"text/css"}, "If-None-Match": {`"1"`}, "If-Modified-Since": {"x"}, "Cookie": {"a=b"},
		"Authorization": {"x"}, "Origin": {"https://app.example.com"}, "X-Forwarded-For": {"203.0.113.1"}, "User-Agent": {"evil"},
	}
	got, err := f.client().Relay().Send(t.Context(), holding("a", false), RelayRequest{
		Method: http.MethodGet, Path: "/static/x.css?a=b", Header: browser,
	})
	if err != nil || got.Status != http.StatusNotModified || got.Header.Get("Etag") != `"1"` {
		t.Fatalf("got %d, %v, %v, want 304 with its Etag", got.Status, got.Header, err)
	}
	for _, name := range commands {
		if got.Header[name] != nil {
			t.Errorf("got %s in the reply, want it withheld", name)
		}
	}
	if got.Cookies[sessionCookie] != token("b", false) {
		t.Errorf("got cookies %v, want the new session", got.Cookies)
	}
	sent := f.seen(0)
	for _, name := range []string{"If-Modified-Since", "Authorization", "Origin", "X-Forwarded-For"} {
		if sent.header.Get(name) != "" {
			t.Errorf("got %s in the request, want it left out", name)
		}
	}
	if sent.uri != "/static/x.css?a=b" || sent.header.Get("Accept") != "text/css" || sent.header.Get("If-None-Match") != `"1"` || sent.header.Get("User-Agent") != "" {
		t.Errorf("got a request for %s with %v", sent.uri, sent.header)
	}
	if len(sent.cookies) != 1 || sent.cookies[sessionCookie] != token("a", false) {
		t.Errorf("got cookies %v, want those of the visitor", sent.cookies)
	}
}

func TestRelay_PostHasTheOriginAndTokenOfTheClient(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends("https://evil.example.com/"))
	got, err := f.client().Relay().Send(t.Context(), holding("a", true), RelayRequest{Method: http.MethodPost, Path: "/api/v3/x/", Body: []byte("{}")})
	if err != nil || got.Status != http.StatusFound || got.Header.Get("Location") != "https://evil.example.com/" || f.count() != 1 {
		t.Errorf("got %d to %s, %v, want the redirect itself", got.Status, got.Header.Get("Location"), err)
	}
	sent := f.seen(0)
	if pair := sent.header.Get(csrfHeader); len(pair) != 32 || pair != sent.cookies[csrfCookie] || sent.header.Get("Origin") != "https://auth.example.com" || sent.body != "{}" {
		t.Errorf("got token %q, origin %s, body %s", pair, sent.header.Get("Origin"), sent.body)
	}
}

func TestRelay_OtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	for name, rr := range map[string]RelayRequest{
		"PUT":                 {Method: http.MethodPut, Body: []byte("{}")},
		"DELETE":              {Method: http.MethodDelete},
		"no method":           {},
		"GET with a body":     {Method: http.MethodGet, Body: []byte("{}")},
		"POST without a body": {Method: http.MethodPost},
	} {
		rr.Path = "/api/v3/x/"
		if _, err := newFake(t).client().Relay().Send(t.Context(), Visitor{}, rr); !errors.Is(err, errMethod) {
			t.Errorf("%s: got %v, want errMethod", name, err)
		}
	}
}

// fetch gets an address with the client for other libraries.
func fetch(t testing.TB, c *Client, v Visitor, address string) (status int, body string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer t")
	resp, err := c.Relay().HTTP(v).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestRelayHTTP_SendsPublicAddressesToURL(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(`{"issuer":"x"}`))
	v := holding("a", true)
	v.Host, v.Scheme, v.Addr = "app.example.com", "http", ip(t, "203.0.113.7")
	status, body, err := fetch(t, f.client(), v, "https://auth.example.com/application/o/x/?a=b")
	if err != nil || status != http.StatusOK || body != `{"issuer":"x"}` {
		t.Fatalf("got %d %s, %v", status, body, err)
	}
	sent := f.seen(0)
	if sent.host != "auth.example.com" || sent.uri != "/application/o/x/?a=b" || len(sent.cookies) > 0 ||
		sent.header.Get("X-Forwarded-Proto") != "https" || sent.header.Get("X-Forwarded-For") != "203.0.113.7" || sent.header.Get("Authorization") != "Bearer t" {
		t.Errorf("got a request to %s for %s with %v", sent.host, sent.uri, sent.header)
	}
}

func TestRelayHTTP_OtherAddressesAreRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := f.client(func(cfg *Config) {
		cfg.URL, cfg.PublicURL = address(t, f.server.URL+"/auth"), address(t, "https://auth.example.com/auth/")
	})
	for _, to := range []string{
		"https://evil.example.com/auth/x", "http://auth.example.com/auth/x", "https://auth.example.com/x", "https://auth.example.com/authx/",
		"https://auth.example.com:8443/auth/x", "https://u:p@auth.example.com/auth/x", f.server.URL + "/auth/x",
	} {
		if _, _, err := fetch(t, c, Visitor{}, to); !errors.Is(err, ErrOtherHost) {
			t.Errorf("%s: got %v, want ErrOtherHost", to, err)
		}
	}
}

// TestRelayHTTP_ABodyThatBreaksOffIsAnOutage: other libraries would drop the cause.
func TestRelayHTTP_ABodyThatBreaksOffIsAnOutage(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"keys":`))
	})
	resp, err := f.client().Relay().HTTP(Visitor{}).Get("https://auth.example.com/x/") //nolint:noctx // it ends by itself
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("got error %v, want %v", err, ErrUnreachable)
	}
}

func TestRelayHTTP_RedirectsAreNotFollowedAndOutagesAreErrors(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends("https://evil.example.com/"), fails(http.StatusBadGateway, "<html>"), fails(http.StatusUnauthorized, "{}"))
	c := f.client()
	if status, _, err := fetch(t, c, Visitor{}, "https://auth.example.com/x/"); status != http.StatusFound || err != nil {
		t.Errorf("redirect: got %d, %v, want 302", status, err)
	}
	if _, _, err := fetch(t, c, Visitor{}, "https://auth.example.com/x/"); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "html") {
		t.Errorf("outage: got %v, want ErrUnreachable", err)
	}
	if status, _, err := fetch(t, c, Visitor{}, "https://auth.example.com/x/"); status != http.StatusUnauthorized || err != nil {
		t.Errorf("refusal: got %d, %v, want 401", status, err)
	}
}
