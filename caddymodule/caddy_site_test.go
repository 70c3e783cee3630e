package caddymodule

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMatcher_OpensOnlyWhatItDoesNotMatch(t *testing.T) {
	sites := map[string]string{
		"path":  "SITE {\n\tauthentik /admin/* AUTHENTIK\n\treverse_proxy APP\n}\n",
		"named": "SITE {\n\t@closed path /admin/*\n\tauthentik @closed AUTHENTIK\n\treverse_proxy APP\n}\n",
		"not":   "SITE {\n\t@closed not path /public\n\tauthentik @closed AUTHENTIK\n\treverse_proxy APP\n}\n",
	}
	s := newSite(t)
	for name, text := range sites {
		t.Run(name, func(t *testing.T) {
			s.TB = t
			s.load(text)
			b := s.browser()
			b.header.Set("Remote-User", "mallory")
			b.header.Set("X-Authentik-Username", "mallory")
			b.expect(b.get("/public"), http.StatusOK, `user ""`)
			if seen := s.app.seen(); seen.Header.Get("X-Authentik-Username") != "" {
				t.Error("got an identity header past an open path, want it removed")
			}
			b.expect(b.get("/admin/x"), http.StatusSeeOther, "")
			b.expect(b.get("/.authentik/login?to=/public"), http.StatusOK, `name="visit"`)
			b.expect(b.get("/.authentik/nothing"), http.StatusNotFound, "")
			if s.app.seen() != nil {
				t.Error("got the gate's own address, or a closed one, at the application, want neither")
			}
			b.expect(b.follow(b.signIn("/admin/x", "ada")), http.StatusOK, `user "ada"`)
			b.expect(b.get("/public"), http.StatusOK, `user "ada"`)
		})
	}
}

func TestMatcher_SeesWhatARewriteHides(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	rewrite /admin/* /index.php
	rewrite /door /admin/x
	authentik /admin/* AUTHENTIK
	reverse_proxy APP
}
`)
	b := s.browser()
	b.expect(b.get("/open"), http.StatusOK, "application")
	b.expect(b.get("/admin/x"), http.StatusSeeOther, "")
	b.expect(b.get("/door"), http.StatusSeeOther, "")
}

func TestAddresses_SurviveRewrites(t *testing.T) {
	s := newSite(t)
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte("the page of the application"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.load("SITE {\n\troot " + root + "\n\ttry_files {path} /index.html\n\tauthentik AUTHENTIK\n\tfile_server\n}\n")
	b := s.browser()
	b.expect(b.get("/.authentik/login"), http.StatusOK, `name="visit"`)
	end := b.signIn("/deep/link?x=1", "ada")
	if to := end.Header.Get("Location"); to != "/deep/link?x=1" {
		t.Errorf("got the way back %q, want /deep/link?x=1", to)
	}
	b.expect(b.follow(end), http.StatusOK, "the page of the application")
	b.expect(b.get("/.authentik/../deep"), http.StatusNotFound, "")
}

func TestErrorRoutes_NeverGetTheGatesResponses(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	authentik AUTHENTIK
	error /broken "application broke" 500
	reverse_proxy APP
	handle_errors {
		respond "handled {err.status_code}" 200
	}
}
`)
	b := s.browser()
	b.header.Set("Accept", "*/*")
	if a := b.expect(b.get("/api"), http.StatusUnauthorized, "sign-in-required"); a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got content type %q, want application/problem+json", a.Header.Get("Content-Type"))
	}
	b.expect(b.get("/.authentik/nothing"), http.StatusNotFound, "")
	b.header.Set("Accept", "text/html")
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	b.expect(b.get("/broken"), http.StatusOK, "handled 500")
	s.standIn.Close()
	other := s.browser()
	other.header.Set("Accept-Language", "fr") // in which authentik was not asked yet
	other.expect(other.get("/.authentik/login"), http.StatusServiceUnavailable, "authentik-unreachable")
}

// TestErrorRoutes_WithAGateGiveTheApplicationNoCookieOfAGate: also for errors before
// the gate, as the documentation advises.
func TestErrorRoutes_WithAGateGiveTheApplicationNoCookieOfAGate(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	route {
		error /early "early" 500
		authentik AUTHENTIK
		reverse_proxy APP
	}
	handle_errors {
		authentik AUTHENTIK {
			open *
		}
		reverse_proxy APP
	}
}
`)
	ada, anonymous := s.browser(), s.browser()
	ada.signIn("/", "ada")
	for want, b := range map[string]*browser{"ada": ada, "": anonymous} {
		b.header.Set("Remote-User", "mallory")
		b.expect(b.get("/early"), http.StatusOK, `user "`+want+`"`)
		if got := s.app.seen().Header["Cookie"]; got != nil {
			t.Errorf("user %q: got the cookies %q at the application, want none", want, got)
		}
	}
}

func TestCookieDomain_SharesASignInAndNotWhoMayPass(t *testing.T) {
	s := newSite(t)
	s.load(`(sso) {
	authentik AUTHENTIK {
		application {args[0]}
		cookie {
			domain example.com
		}
	}
}
http://wiki.example.com:PORT {
	bind 127.0.0.1
	import sso wiki
	reverse_proxy APP
}
http://files.example.com:PORT {
	bind 127.0.0.1
	import sso files
	reverse_proxy APP
}
`)
	_, port, _ := net.SplitHostPort(s.address)
	wiki, files := "http://wiki.example.com:"+port+"/", "http://files.example.com:"+port+"/"
	ada, bob := s.browser(), s.browser()
	ada.expect(ada.follow(ada.signIn(wiki, "ada")), http.StatusOK, `user "ada"`)
	ada.expect(ada.get(files), http.StatusForbidden, "signed in as ada")
	bob.expect(bob.follow(bob.signIn(files, "bob")), http.StatusOK, `user "bob"`)
	bob.expect(bob.get(wiki), http.StatusOK, `user "bob"`)
	if n := s.storageUsers(); n != 2 {
		t.Errorf("got %d gates that hold the store, want 2", n)
	}
}

func TestScheme_OfATrustedProxyCounts(t *testing.T) {
	tests := map[string]struct {
		options string
		said    string
		secure  bool
	}{
		"trusted":          {"servers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}", "https", true},
		"trusted, nothing": {"servers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}", "", false},
		"not trusted":      {"servers {\n\t\ttrusted_proxies static 192.0.2.0/24\n\t}", "https", false},
		"no trusted proxy": {"", "https", false},
	}
	s := newSite(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.TB = t
			if err := s.try(tt.options, oneLine); err != nil {
				t.Fatal(err)
			}
			b := s.browser()
			if tt.said != "" {
				b.header.Set("X-Forwarded-Proto", tt.said)
			}
			cookies := b.get("/.authentik/login").Cookies()
			if len(cookies) == 0 {
				t.Fatal("got no cookie, want one")
			}
			for _, c := range cookies {
				if c.Secure != tt.secure || strings.HasPrefix(c.Name, "__Host-") != tt.secure {
					t.Errorf("got cookie %s, secure %v, want secure %v", c.Name, c.Secure, tt.secure)
				}
			}
		})
	}
}

func TestSite_OverridesTheRequest(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tsite https://app.example.com\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	for _, c := range b.get("/.authentik/login").Cookies() {
		if !c.Secure {
			t.Errorf("got cookie %s that is not secure, want it secure", c.Name)
		}
	}
}

// Clients spell the headers of the gate in every way that some application
// reads as one of them.
func TestIdentityHeaders_PassInNoSpelling(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik /closed/* AUTHENTIK {\n\t\theaders remote {\n\t\t\tX-Tenant \"of {http.auth.user.id}\"\n\t\t}\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.signIn("/closed/", "ada")
	spoofed := []string{
		"Remote-User", "REMOTE-USER", "remote_user", "Remote.User", "remote_User", "Remote-Groups", "Remote_Groups",
		"X-Authentik-Username", "x_authentik_username", "X-authentik-entitlements", "X.Authentik.Meta.App", "X-Tenant", "x_tenant",
	}
	for who, cookie := range map[string]string{"signed in": b.cookies(), "anonymous": ""} {
		for _, name := range spoofed {
			for _, further := range []string{"", "Connection: " + name, "Connection: close, " + strings.ToLower(name)} {
				s.raw("GET /public HTTP/1.1", "Cookie: "+cookie, name+": mallory", further)
				s.checkSpoof(who+" "+name+" "+further, cookie != "")
			}
		}
	}
}

// A header that another handler sets behind the gate is not removed because the client
// names it in Connection.
func TestIdentityHeaders_OfOtherHandlersReachTheApplication(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\nauthentik AUTHENTIK\nrequest_header X-Tenant \"of {http.auth.user.id}\"\nreverse_proxy APP\n}\n")
	b := s.browser()
	b.signIn("/", "ada")
	s.raw("GET / HTTP/1.1", "Cookie: "+b.cookies(), "X-Tenant: mallory", "Connection: X-Tenant, close")
	s.checkSpoof("Connection: X-Tenant", true)
}

// cookies returns the Cookie header that the browser would send.
func (b *browser) cookies() string {
	b.Helper()
	var all []string
	for _, c := range b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: b.address, Path: "/"}) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// raw sends a request as it is written, which Go's own client would not, and returns
// the status of the response.
func (s *site) raw(lines ...string) int {
	s.Helper()
	conn, err := new(net.Dialer).DialContext(s.Context(), "tcp", s.address)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	lines = slices.DeleteFunc(append(lines, "Host: "+s.address), func(l string) bool { return l == "" })
	_, _ = fmt.Fprintf(conn, "%s\r\n\r\n", strings.Join(lines, "\r\n"))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// checkSpoof looks for mallory in what the application was told, and for ada.
func (s *site) checkSpoof(what string, signedIn bool) {
	s.Helper()
	seen := s.app.seen()
	if seen == nil {
		s.Errorf("%s: got no request at the application, want one", what)
		return
	}
	for name, values := range maps.All(seen.Header) {
		if strings.Contains(strings.Join(values, " "), "mallory") {
			s.Errorf("%s: got %s: %v at the application, want nothing of mallory", what, name, values)
		}
	}
	user, tenant := "", ""
	if signedIn {
		user, tenant = "ada", "of ada"
	}
	if got := seen.Header.Get("Remote-User"); got != user {
		s.Errorf("%s: got Remote-User %q, want %q", what, got, user)
	}
	if got := seen.Header.Get("X-Tenant"); got != tenant {
		s.Errorf("%s: got X-Tenant %q, want %q", what, got, tenant)
	}
}
