package caddymodule

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	pages "github.com/flowsidecar/caddy-authentik/internal/browser"
)

// oneSignIn is a Caddyfile with a login host and two sites that name it. STORE
// stands for an option of all.
const oneSignIn = `http://auth.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		login_host
		STORE
	}
	reverse_proxy STANDIN
}
http://wiki.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		login at http://auth.localhost:PORT
		application wiki
		STORE
	}
	reverse_proxy APP
}
http://files.other.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		login at http://auth.localhost:PORT
		application files
		STORE
	}
	reverse_proxy APP
}
`

// loadOneSignIn runs it, without what is cut out.
func (s *site) loadOneSignIn(store, cut string) {
	s.Helper()
	text := strings.NewReplacer("STORE", store, "STANDIN", strings.TrimPrefix(s.standIn.URL, "http://")).Replace(oneSignIn)
	s.load(strings.Replace(text, cut, "", 1))
}

// named opens a browser that knows no host but this Caddy's.
func (s *site) named() *pages.Browser {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address)
	}}
	s.Cleanup(transport.CloseIdleConnections)
	return pages.New(transport)
}

// at returns an address of a host of this Caddy.
func (s *site) at(host, path string) string {
	_, port, _ := net.SplitHostPort(s.address)
	return "http://" + host + ":" + port + path
}

// visit opens a page.
func (s *site) visit(b *pages.Browser, address string) *pages.Page {
	s.Helper()
	page, err := b.Open(s.Context(), address)
	if err != nil {
		s.Fatal(err)
	}
	return page
}

// finishAtAuthentik goes through the flow on authentik's own page, as its scripts do.
func (s *site) finishAtAuthentik(b *pages.Browser, page *pages.Page, username string) *pages.Page {
	s.Helper()
	base, slug, ok := strings.Cut(page.URL.Path, "/if/flow/")
	if !ok {
		s.Fatalf("got %d at %s, want one of authentik's flows:\n%s", page.Status, page.URL, page.Text())
	}
	answers := map[string]string{"ak-stage-identification": `"uid_field":"` + username + `"`, "ak-stage-password": `"password":"secret"`}
	method, body := http.MethodGet, ""
	for range 8 {
		cookies, _ := b.Cookies(page.URL.String())
		var c struct{ Component, To string }
		_, text, err := page.Fetch(s.Context(), method, base+"/api/v3/flows/executor/"+slug+"?query="+url.QueryEscape(page.URL.RawQuery), body,
			"X-Authentik-Csrf", cookies["authentik_csrf"])
		if err != nil || json.Unmarshal([]byte(text), &c) != nil {
			s.Fatalf("got %v at the executor: %s", err, text)
		}
		if c.Component == "xak-flow-redirect" {
			to, err := page.URL.Parse(c.To)
			if err != nil {
				s.Fatal(err)
			}
			return s.visit(b, to.String())
		}
		method, body = http.MethodPost, `{"component":"`+c.Component+`",`+answers[c.Component]+`}`
	}
	s.Fatal("got no end of the flow")
	return nil
}

// In a real Caddy, with a storage that has no key yet and with the memory, one
// sign-in opens two sites, each as far as its application lets the user.
func TestLoginHost_OneSignInOpensAllSites(t *testing.T) {
	s := newSite(t)
	for _, store := range []string{"", "sessions memory"} {
		s.loadOneSignIn(store, "")
		b := s.named()
		page := s.finishAtAuthentik(b, s.visit(b, s.at("wiki.localhost", "/deep?x=1")), "bob")
		if page.Status != http.StatusOK || page.URL.String() != s.at("wiki.localhost", "/deep?x=1") || !strings.Contains(page.Text(), `user "bob"`) {
			t.Fatalf("%q: got %d at %s, want the wiki:\n%s", store, page.Status, page.URL, page.Text())
		}
		if page = s.visit(b, s.at("files.other.localhost", "/")); page.Status != http.StatusOK || !strings.Contains(page.Text(), `user "bob"`) {
			t.Errorf("%q: got %d at %s, want the files without a question:\n%s", store, page.Status, page.URL, page.Text())
		}
		if seen := s.app.seen(); seen == nil || seen.Header.Get("Cookie") != "" {
			t.Errorf("%q: got a request with cookies at the application, want none", store)
		}
		ada := s.named()
		page = s.finishAtAuthentik(ada, s.visit(ada, s.at("files.other.localhost", "/")), "ada")
		if page.Status != http.StatusForbidden || !strings.HasPrefix(page.URL.Host, "auth.localhost") || !strings.Contains(page.Text(), "ada") {
			t.Errorf("%q: got %d at %s, want ada refused at the login host:\n%s", store, page.Status, page.URL, page.Text())
		}
	}
}

// authentik can lie below a path of the login host, which the sites need not say.
func TestLoginHost_CanLieBelowAPath(t *testing.T) {
	s := newSiteBelow(t, "/auth/")
	s.load(strings.NewReplacer("STORE", "", "STANDIN", strings.TrimPrefix(s.standIn.URL, "http://"),
		"AUTHENTIK", "AUTHENTIK/auth/", "login_host", "login_host\n\t\tprefix /auth/.authentik").Replace(oneSignIn))
	b := s.named()
	for _, address := range []string{s.at("wiki.localhost", "/deep?x=1"), s.at("files.other.localhost", "/")} {
		page := s.visit(b, address)
		if strings.HasPrefix(page.URL.Host, "auth.localhost") {
			page = s.finishAtAuthentik(b, page, "bob")
		}
		if page.Status != http.StatusOK || page.URL.String() != address || !strings.Contains(page.Text(), `user "bob"`) {
			t.Errorf("got %d at %s, want %s:\n%s", page.Status, page.URL, address, page.Text())
		}
	}
}

// A site that names a login host which does not exist says so before it redirects.
func TestLoginHost_WrongSiteIsReported(t *testing.T) {
	s := newSite(t)
	s.loadOneSignIn("", "login_host\n")
	page := s.visit(s.named(), s.at("wiki.localhost", "/"))
	if page.Status != http.StatusBadGateway || !strings.Contains(page.Text(), "login-host-unknown") {
		t.Errorf("got %d at %s, want login-host-unknown:\n%s", page.Status, page.URL, page.Text())
	}
}
