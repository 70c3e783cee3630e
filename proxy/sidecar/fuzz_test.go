package sidecar

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// FuzzVerdict asks about any request without a session, with one header more. Only
// what the gate is open for passes: a GET of /open at a site, which every header that
// describes a request agrees with.
func FuzzVerdict(f *testing.F) {
	f.Add(uint8(0), "GET", "https", "wiki.example.com", "/open", "203.0.113.7", "X-Forwarded-Uri", "/open")
	f.Add(uint8(1), "GET", "http", "any.other.org:8080", "/open?a=b", "[2001:db8::1]:4711", "X-Original-Url", "https://any.other.org:8080/open?a=b")
	f.Add(uint8(2), "get", "wss", "WIKI.example.com.", "//open", "1.2.3.4, 203.0.113.7", "Remote-User", "admin")
	f.Add(uint8(3), "CONNECT", "https", "wiki.example.com", "/open/..%2fa", "", "Host", "any.other.org")
	f.Add(uint8(4), "GET", "https", "wiki.example.com@any.net", "https://any.net/open", "unknown", "X_Forwarded_Uri", "/open")
	f.Add(uint8(0), "GET", "https", "wiki.example.com", "/open", "203.0.113.7", "X-Forwarded-Uri", "/a")
	f.Add(uint8(1), "GET", "https", "wiki.example.com", "/open", "203.0.113.7", "X-Original-Method", "POST")
	networks := map[Dialect]*network{}
	for _, dialect := range everyDialect {
		networks[dialect] = newNetwork(f, dialect, func(c *proxy.Config) {
			c.Open = func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Path == "/open" }
		})
	}
	f.Fuzz(func(t *testing.T, which uint8, method, scheme, host, uri, client, name, value string) {
		dialect := everyDialect[int(which)%len(everyDialect)]
		r := described(load(wiki+"/"), dialect)
		at := map[string]string{
			forwardedMethod: method, forwardedProto: scheme, forwardedHost: host, forwardedURI: uri, originalMethod: method, originalURL: scheme + "://" + host + uri,
		}
		for _, header := range own[dialect] {
			r.Header.Set(header, at[header])
		}
		r.Header.Set(forwardedFor, client)
		if dialect == Envoy {
			r.Method, r.Host, r.RequestURI = method, host, "/.authentik/forward"+uri
		}
		name = http.CanonicalHeaderKey(name)
		more := !slices.Contains(own[dialect], name)
		if more {
			r.Header[name] = append(r.Header[name], value)
		}
		w := networks[dialect].answer(r)
		if w.Code >= http.StatusMultipleChoices {
			return
		}
		asked, err := url.Parse("https://wiki.example.com" + uri)
		said, describes := at[name]
		switch {
		case w.Code != http.StatusOK, w.Header().Get("Remote-User") != "":
			t.Errorf("%s: got status %d with %v, want a request without an identity at most", dialect, w.Code, w.Header())
		case method != http.MethodGet, err != nil, asked.Path != "/open", asked.Host != "wiki.example.com":
			t.Errorf("%s: got %q %q passed, want only GET of /open", dialect, method, uri)
		case more && describes && !strings.EqualFold(said, value) && name != forwardedProto && name != originalURL:
			t.Errorf("%s: got %s: %q beside %q passed, want a refusal", dialect, name, value, said)
		}
	})
}
