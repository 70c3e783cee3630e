package request

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// inCaddy makes a request as Caddy hands it to its handlers.
func inCaddy(t testing.TB, method, target string, vars map[string]any) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.TLS = nil
	original := http.Request{Method: r.Method, RequestURI: r.RequestURI, RemoteAddr: r.RemoteAddr}
	address := *r.URL
	original.URL = &address
	ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, vars)
	ctx = context.WithValue(ctx, caddyhttp.OriginalRequestCtxKey, original)
	return r.WithContext(ctx)
}

func newResolver() *Resolver { return &Resolver{Log: slog.New(slog.DiscardHandler)} }

func TestScheme_CountsOnlyFromTrustedPeers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trusted any
		tls     bool
		said    []string
		want    string
	}{
		"plain":                       {false, false, nil, "http"},
		"tls":                         {false, true, nil, "https"},
		"said by any client":          {false, false, []string{"https"}, "http"},
		"downgrade by any client":     {false, true, []string{"http"}, "https"},
		"said by trusted":             {true, false, []string{"https"}, "https"},
		"plain said by trusted":       {true, true, []string{"http"}, "http"},
		"nothing said by trusted":     {true, true, nil, "https"},
		"capitals":                    {true, false, []string{"HTTPS"}, "https"},
		"a WebSocket":                 {true, false, []string{"wss"}, "https"},
		"with a colon":                {true, false, []string{"https:"}, "https"},
		"as an address begins":        {true, true, []string{"HTTP://"}, "http"},
		"in quotes":                   {true, false, []string{`"https"`, "http"}, "https"},
		"a plain WebSocket":           {true, true, []string{"WS"}, "http"},
		"unknown":                     {true, true, []string{"javascript"}, "https"},
		"unknown without TLS":         {true, false, []string{"h2"}, "http"},
		"empty":                       {true, true, []string{""}, "https"},
		"a list":                      {true, false, []string{"https, http"}, "https"},
		"a list without blanks":       {true, true, []string{"http,https"}, "http"},
		"a list with an empty entry":  {true, false, []string{" , wss"}, "https"},
		"two lines":                   {true, false, []string{"https", "http"}, "https"},
		"an empty line":               {true, false, []string{"", "https"}, "https"},
		"a list said by any client":   {false, false, []string{"https, https"}, "http"},
		"no variable":                 {nil, false, []string{"https"}, "http"},
		"a variable of another shape": {"true", false, []string{"https"}, "http"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inCaddy(t, http.MethodGet, "/", map[string]any{caddyhttp.TrustedProxyVarKey: tt.trusted})
			if tt.tls {
				r.TLS = new(tls.ConnectionState)
			}
			r.Header["X-Forwarded-Proto"] = tt.said
			if got := newResolver().Resolve(r).Scheme; got != tt.want {
				t.Errorf("scheme = %q, want %q", got, tt.want)
			}
		})
	}
}

// An unknown scheme must not make a signed-in visitor anonymous without a word.
func TestScheme_OfAnUnknownValueIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	v := &Resolver{Log: slog.New(slog.NewTextHandler(&lines, nil))}
	for range 3 {
		for _, said := range []string{"wss", "https, http", "", "h2"} {
			r := inCaddy(t, http.MethodGet, "/", map[string]any{caddyhttp.TrustedProxyVarKey: true})
			r.Header["X-Forwarded-Proto"] = []string{said}
			v.Resolve(r)
		}
	}
	if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "value=h2") {
		t.Errorf("got %q, want one line with the value", got)
	}
}

func TestClient_IsWhatCaddyHasResolved(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		said any
		want netip.Addr
	}{
		"IPv4":              {"192.0.2.7", netip.MustParseAddr("192.0.2.7")},
		"IPv6":              {"2001:db8::7", netip.MustParseAddr("2001:db8::7")},
		"IPv4 in IPv6":      {"::ffff:192.0.2.7", netip.MustParseAddr("192.0.2.7")},
		"zone":              {"fe80::1%eth0", netip.MustParseAddr("fe80::1")},
		"Unix socket":       {"@", netip.Addr{}},
		"garbage":           {"192.0.2.7, evil", netip.Addr{}},
		"nothing":           {nil, netip.Addr{}},
		"of another nature": {7, netip.Addr{}},
	}
	for name, tt := range tests {
		r := inCaddy(t, http.MethodGet, "/", map[string]any{caddyhttp.ClientIPVarKey: tt.said})
		r.RemoteAddr = "198.51.100.1:1234"
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		if got := newResolver().Resolve(r).Client; got != tt.want {
			t.Errorf("%s: client = %v, want %v", name, got, tt.want)
		}
	}
}

func TestAsked_IsTheAddressBeforeRewriting(t *testing.T) {
	t.Parallel()
	r := inCaddy(t, http.MethodGet, "/.authentik/login?to=/x", nil)
	r.Host = "app.example.com:8443"
	r.URL.Path, r.URL.RawQuery = "/index.html", ""
	at := newResolver().Resolve(r)
	if got := at.Asked.String(); got != "/.authentik/login?to=/x" || at.Host != "app.example.com:8443" {
		t.Errorf("got the address %q at %q, want /.authentik/login?to=/x at app.example.com:8443", got, at.Host)
	}
	if bare := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil); newResolver().Resolve(bare).Asked.Path != "/x" {
		t.Error("got another path for a request without Caddy around it, want /x")
	}
}

// A proxy that says HTTPS in another header only would lead to cookies without
// Secure and to addresses with http, and nothing would say why.
func TestScheme_InOtherHeadersIsWarnedOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trusted bool
		header  map[string]string
		warned  bool
	}{
		"Forwarded":              {true, map[string]string{"Forwarded": `for="[2001:db8::1]";Proto=HTTPS`}, true},
		"X-Forwarded-Ssl":        {true, map[string]string{"X-Forwarded-Ssl": "on"}, true},
		"X-Forwarded-Scheme":     {true, map[string]string{"X-Forwarded-Scheme": "https"}, true},
		"Forwarded, in quotes":   {true, map[string]string{"Forwarded": `for=192.0.2.1;proto="https"`}, true},
		"ingress-nginx":          {true, map[string]string{"X-Scheme": "https"}, true},
		"X-Forwarded-Protocol":   {true, map[string]string{"X-Forwarded-Protocol": "https"}, true},
		"X-Forwarded-Port":       {true, map[string]string{"X-Forwarded-Port": "443"}, true},
		"another port":           {true, map[string]string{"X-Forwarded-Port": "80"}, false},
		"CloudFront":             {true, map[string]string{"CloudFront-Forwarded-Proto": "https"}, true},
		"Cloudflare":             {true, map[string]string{"CF-Visitor": `{"scheme":"https"}`}, true},
		"Cloudflare, http":       {true, map[string]string{"CF-Visitor": `{"scheme":"http"}`}, false},
		"WebLogic":               {true, map[string]string{"WL-Proxy-SSL": "true"}, true},
		"and X-Forwarded-Proto":  {true, map[string]string{"X-Forwarded-Scheme": "https", "X-Forwarded-Proto": "https"}, false},
		"http":                   {true, map[string]string{"Forwarded": "proto=http", "X-Forwarded-Ssl": "off"}, false},
		"nothing":                {true, nil, false},
		"said by any client":     {false, map[string]string{"Forwarded": "proto=https"}, false},
		"an unknown scheme only": {true, map[string]string{"X-Forwarded-Proto": "h2"}, true},
	} {
		var log bytes.Buffer
		v := &Resolver{Log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 2 {
			r := inCaddy(t, http.MethodGet, "/", map[string]any{caddyhttp.TrustedProxyVarKey: tt.trusted})
			for key, value := range tt.header {
				r.Header.Set(key, value)
			}
			v.Resolve(r)
		}
		if got, want := strings.Count(log.String(), "level=WARN"), map[bool]int{true: 1}[tt.warned]; got != want {
			t.Errorf("%s: got %d warnings, want %d:\n%s", name, got, want, &log)
		}
	}
}
