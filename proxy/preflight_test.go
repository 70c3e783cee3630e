package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// preflight is one as browsers send it.
func preflight(path string) *http.Request {
	r := httptest.NewRequest(http.MethodOptions, "https://app.example.com"+path, nil)
	r.Header = http.Header{
		"Origin": {"https://other.example.com"}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"content-type"},
		"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-site"}, "Sec-Fetch-Dest": {"empty"}, "Accept": {"*/*"},
	}
	return r
}

func TestPreflight_PassesOnlyIfTheOperatorSaysSo(t *testing.T) {
	t.Parallel()
	without, _ := held(t, nil, session.Record{User: jane})
	with, _ := held(t, func(c *Config) { c.Preflight = true }, session.Record{User: jane})
	if lets(without, preflight("/api")) {
		t.Error("without the option: got the preflight passed")
	}
	if !lets(with, preflight("/api")) {
		t.Error("got the preflight refused")
	}
}

// Everything that only looks like a preflight needs a sign-in.
func TestPreflight_IsOnlyWhatBrowsersSend(t *testing.T) {
	t.Parallel()
	g, _ := held(t, func(c *Config) { c.Preflight = true }, session.Record{User: jane})
	for name, change := range map[string]func(*http.Request){
		"plain OPTIONS":           func(r *http.Request) { r.Header = http.Header{} },
		"no method to come":       func(r *http.Request) { r.Header.Del("Access-Control-Request-Method") },
		"empty method to come":    func(r *http.Request) { r.Header.Set("Access-Control-Request-Method", " ") },
		"two methods to come":     func(r *http.Request) { r.Header.Add("Access-Control-Request-Method", "GET") },
		"no origin":               func(r *http.Request) { r.Header.Del("Origin") },
		"two origins":             func(r *http.Request) { r.Header.Add("Origin", "https://app.example.com") },
		"another method":          func(r *http.Request) { r.Method = http.MethodGet },
		"method in lower case":    func(r *http.Request) { r.Method = "options" },
		"a body":                  func(r *http.Request) { r.ContentLength = 1 },
		"a body of any length":    func(r *http.Request) { r.ContentLength = -1 },
		"a chunked body":          func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"trailers":                func(r *http.Request) { r.Trailer = http.Header{"X": nil} },
		"_method":                 func(r *http.Request) { r.URL.RawQuery = "_method=DELETE" },
		"_METHOD, later":          func(r *http.Request) { r.URL.RawQuery = "a=1&_METHOD=DELETE" },
		"_method, semicolon":      func(r *http.Request) { r.URL.RawQuery = "a=1;_method=DELETE" },
		"_method, escaped":        func(r *http.Request) { r.URL.RawQuery = "_%6dethod=DELETE" },
		"_method, escaped twice":  func(r *http.Request) { r.URL.RawQuery = "_%256dethod=DELETE" },
		"_method, bad escape":     func(r *http.Request) { r.URL.RawQuery = "a=%zz&_%6dethod=DELETE" },
		"_method, escaped &":      func(r *http.Request) { r.URL.RawQuery = "a=1%26_method=DELETE" },
		"X-HTTP-Method-Override":  func(r *http.Request) { r.URL.RawQuery = "X-HTTP-Method-Override=DELETE" },
		"_method before rewrites": func(r *http.Request) { r.Header.Set("X-Asked", "_method=DELETE") },
	} {
		r := preflight("/api")
		change(r)
		at := somewhere("app.example.com")
		at.Asked = r.URL
		if asked := r.Header.Get("X-Asked"); asked != "" {
			at.Asked = &url.URL{Path: "/api", RawQuery: asked}
		}
		if got := decision.Kind(g.decisions.Decide(exchangeAt(g, r, at))); got != "refuse" {
			t.Errorf("%s: got %s, want refuse", name, got)
		}
	}
}

// The preflight that an application sees says nothing but what a browser says.
func TestPreflight_HasNoCredentials(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, func(c *Config) { c.Preflight = true }, session.Record{User: jane})
	sent := map[string]string{
		"Cookie": "sid=1; other=2", "Authorization": "Bearer x", "Proxy-Authorization": "Basic x", "Upgrade": "websocket", "Connection": "Upgrade",
		"Remote-User": "admin", "X-Http-Method-Override": "DELETE", "X-Http-Method": "DELETE", "X-Method-Override": "DELETE", "X_HTTP_Method_Override": "DELETE",
		"access_control_request_method": "DELETE", "Http2-Settings": "x",
	}
	request := func() *http.Request {
		r := preflight("/api?a=1&b=2")
		for name, value := range sent {
			r.Header[name] = []string{value}
		}
		return r
	}
	seen := func(r *http.Request) (h http.Header) {
		_ = g.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error { h = r.Header; return nil })
		return h
	}
	got := seen(request())
	if got == nil {
		t.Fatal("got the preflight refused")
	}
	for name := range sent {
		if values := got[name]; values != nil {
			t.Errorf("got %s: %q, want it removed", name, values)
		}
	}
	for name := range preflight("/").Header {
		if got.Get(name) == "" {
			t.Errorf("got no %s, want it passed on", name)
		}
	}
	// With a session it is a request like any other.
	r := request()
	r.Header.Set("Cookie", cookieNames(g).Session+"="+cookie)
	r.URL.Scheme, r.TLS = "https", httptest.NewRequest(http.MethodGet, "https://x/", nil).TLS
	if got := seen(r); got.Get("Remote-User") != jane.Username || got.Get("Authorization") == "" {
		t.Errorf("signed in: got %v, want the identity and what was sent", got)
	}
}

// What rules demand, the request after a preflight has to meet; and no path makes
// a difference to a preflight, not even one that servers read in two ways.
func TestPreflight_MeetsNoDemands(t *testing.T) {
	t.Parallel()
	g, _ := held(t, func(c *Config) {
		c.Preflight = true
		c.Rules = []Rule{{Match: below("/admin"), Require: []Requirement{{Claim: "group", Values: []string{"staff"}}}}}
	}, session.Record{User: jane})
	for _, path := range []string{"/admin", "/x/..;/admin", "/group%2Fproject"} {
		if !lets(g, preflight(path)) {
			t.Errorf("%s: got the preflight refused", path)
		}
		r := preflight(path)
		r.Method = http.MethodPut
		if lets(g, r) {
			t.Errorf("%s: got the request after it passed", path)
		}
	}
	for _, path := range []string{"/.authentik/login", "/.authentik/session", "/.authentik/nothing"} {
		if lets(g, preflight(path)) {
			t.Errorf("%s: got the application to see it", path)
		}
	}
}

// FuzzPreflight sends headers and queries of every kind: what passes without a
// session asks for nothing but a preflight.
func FuzzPreflight(f *testing.F) {
	g, _ := held(f, func(c *Config) { c.Preflight = true }, session.Record{User: jane})
	f.Add("OPTIONS", "a=1", "X-Http-Method-Override", "DELETE")
	f.Add("OPTIONS", "_%25256dethod=x", "Cookie", "a=1")
	f.Add("GET", "", "Access-Control-Request-Method", "PUT")
	f.Fuzz(func(t *testing.T, method, query, name, value string) {
		r := preflight("/")
		r.Method, r.URL.RawQuery, r.Header[name] = method, query, []string{value}
		_ = g.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error {
			if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" || r.Header.Get("Remote-User") != "" {
				t.Errorf("got passed: %s %v", r.Method, r.Header)
			}
			for name := range r.Header {
				if n := strings.ToLower(name); n == "cookie" || n == "authorization" || strings.Contains(n, "method") && n != "access-control-request-method" {
					t.Errorf("got passed: %s", name)
				}
			}
			return nil
		})
	})
}
