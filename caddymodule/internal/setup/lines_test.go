package setup

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

func TestLines_AreFormattedAsCaddyDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		w    Wanted
		p    Plan
		want string
	}{
		"session": {Wanted{URL: "https://auth.example.com", Site: "https://wiki.example.com", Slug: "wiki", Everyone: true, Upstream: "wiki:3000"}, Plan{}, `wiki.example.com {
	authentik https://auth.example.com {
		application wiki
	}
	reverse_proxy wiki:3000
}
`},
		"login host": {Wanted{URL: "http://authentik:9000", Site: "https://wiki.example.com", LoginAt: "https://auth.example.com", Everyone: true, Upstream: "wiki:3000"}, Plan{}, `wiki.example.com {
	authentik http://authentik:9000 {
		application wiki
		login at https://auth.example.com
	}
	reverse_proxy wiki:3000
}
`},
		"OpenID Connect": {Wanted{
			URL: "http://authentik:9000", PublicURL: "https://auth.example.com", Site: "http://127.0.0.1:8081", Slug: "wiki", Everyone: true,
			OpenID: true, Login: "redirect", SecretFile: "/etc/caddy/wiki secret", Prefix: "/app/.authentik",
		}, Plan{ClientID: "caddy-authentik-wiki", Scopes: []string{"openid", "ak_proxy"}, LogoutBack: true}, `http://127.0.0.1:8081 {
	authentik http://authentik:9000 {
		public_url https://auth.example.com
		application wiki
		client_id caddy-authentik-wiki
		client_secret "{file./etc/caddy/wiki secret}"
		scopes openid ak_proxy
		login redirect
		sign_out_back
		prefix /app/.authentik
	}
	# Write the address of your application here.
	reverse_proxy localhost:8080
}
`},
	} {
		if err := c.w.Complete(); err != nil {
			t.Fatal(err)
		}
		got := Lines(c.w, c.p)
		if got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
		if formatted := string(caddyfile.Format([]byte(got))); formatted != got {
			t.Errorf("%s: got lines that caddy fmt changes to\n%s\nwant\n%s", name, formatted, got)
		}
	}
}

func proxies() []admin.Proxy {
	return []admin.Proxy{
		{
			Name: "Wiki", ApplicationSlug: "wiki", Mode: "proxy", ExternalHost: "https://wiki.example.com", InternalHost: "https://wiki:8443",
			Open: "^/healthz$\n^/static/.*\n/api\n^/a|b$\n^/feed\\.xml$", InterceptsHeader: true, AccessValidity: "hours=8",
		},
		{
			Name: "Files\n}", ApplicationSlug: "files", Mode: "forward_single", ExternalHost: "https://files.example.com:8443", VerifiesInternal: true,
			Open: "^https://files\\.example\\.com:8443/public/.*$\n^/public/.*\n^https://other.example.com/x", BasicAuth: true, BasicUser: "u", BasicPassword: "p",
		},
		{Name: "All", ApplicationSlug: "all", Mode: "forward_domain", ExternalHost: "https://auth.example.com", CookieDomain: "example.com", AccessValidity: "hours=24"},
		{Name: "Co", ApplicationSlug: "co", Mode: "forward_domain", ExternalHost: "https://auth.example.co.uk", CookieDomain: "co.uk"},
		{Name: "Unused", Mode: "proxy", ExternalHost: "https://unused.example.com", InternalHost: "http://unused"},
		{Name: "Evil", ApplicationSlug: "evil", Mode: "proxy", ExternalHost: "https://e.example.com {\n", InternalHost: "http://e"},
		{Name: "Evil inside", ApplicationSlug: "inside", Mode: "proxy", ExternalHost: "https://inside.example.com", InternalHost: "http://e }\nrespond hacked {"},
	}
}

func TestOutpost_GoldenCaddyfile(t *testing.T) {
	t.Parallel()
	got := FromOutpost("https://auth.example.com", "", proxies())
	const golden = "testdata/outpost.caddyfile"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if formatted := caddyfile.Format([]byte(got)); !bytes.Equal(formatted, []byte(got)) {
		t.Errorf("got lines that caddy fmt changes to\n%s\nwant\n%s", formatted, got)
	}
}

// An expression that matches more than a path and what is below it must not open
// anything.
func TestOutpost_OnlyPlainExpressionsStayOpen(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"^/healthz$": "/healthz", "^/static/.*": "/static/*", "^/static/(.*)$": "/static/*", "^/x": "/x*", `^/a\.b$`: "/a.b",
		"/api": "", "^/": "/*", "^/(a|b)$": "", "^/a?$": "", "^/[a-z]+$": "", ".*": "", "^.*$": "", "^/a{2}": "", "": "",
		"^/s/.+": "", "^/s/(.+)$": "", // which does not match /s/, as /s/* does
		`^https://w\.example\.com/api/.*`: "", // only the other modes compare with the whole address
	} {
		got, _ := plainPath(expression, admin.Proxy{Mode: modeProxy, ExternalHost: "https://w.example.com"})
		if got != want {
			t.Errorf("%s: got %q, want %q", expression, got, want)
		}
	}
	for expression, want := range map[string]string{
		`^https://w\.example\.com/api/.*`: "/api/*", `^https?://w\.example\.com/x$`: "/x", `^https://wXexample.com/api`: "", "^/api": "", "/api": "",
	} {
		got, _ := plainPath(expression, admin.Proxy{Mode: "forward_single", ExternalHost: "https://w.example.com"})
		if got != want {
			t.Errorf("forward: %s: got %q, want %q", expression, got, want)
		}
	}
	domain := admin.Proxy{Mode: modeDomain, ExternalHost: "https://auth.example.com"} // whose snippet is for all hosts of the domain
	if got, open := plainPath(`^https://auth\.example\.com/api/.*`, domain); open {
		t.Errorf("domain: got %q open at each site, want nothing", got)
	}
}

func TestOutpost_NothingOfAuthentikBecomesADirective(t *testing.T) {
	t.Parallel()
	got := FromOutpost("https://auth.example.com", "", proxies())
	for line := range strings.Lines(got) {
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "respond") {
			t.Errorf("got the line %q", line)
		}
	}
}
