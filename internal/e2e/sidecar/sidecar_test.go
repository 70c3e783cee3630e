package sidecar

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// TestProxy_AsksTheGate walks through each proxy what a site needs.
func TestProxy_AsksTheGate(t *testing.T) {
	t.Parallel()
	testsite.Program(t) // skips before anything is started
	w := newWorld(t, "clients basic")
	for _, k := range kinds {
		t.Run(k.dialect, func(t *testing.T) {
			t.Parallel()
			p := k.serve(t, w.sidecars[k.dialect])
			jane := p.person(t)
			jane.Greeted(jane.Credentials(jane.Open("/a?b=c")), "/a?b=c")
			cookie := jane.Cookies().Header()
			for name, test := range map[string]func(*testing.T, *proxied, string){
				"anonymous": anonymous, "cookies": cookies, "made up": madeUp, "contradictions": contradictions, "verdicts": verdicts,
				"upload": upload, "web socket": webSocket, "program": program, "refused": refused,
				"odd requests": oddRequests, "upgrades": upgrades, "long cookie": longCookie,
			} {
				t.Run(name, func(t *testing.T) { test(t, p, cookie) })
			}
			jane.SignOut()
			if got := p.send(t, request(t, http.MethodGet, "/", "Cookie", cookie)); got.StatusCode == http.StatusOK {
				t.Errorf("got %s with the cookies after the sign-out, want a refusal", got)
			}
			p.App.Check(t, testsite.Jane, "")
		})
	}
}

// anonymous is about requests without a session.
func anonymous(t *testing.T, p *proxied, _ string) {
	before := len(p.App.Requests())
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := p.send(t, request(t, method, "/a?b=c%20d", "Accept", "text/html"))
		to, err := url.Parse(got.Header.Get("Location"))
		if err != nil || got.StatusCode != http.StatusSeeOther && got.StatusCode != http.StatusFound ||
			to.Host != "" && to.Host != "wiki.example.com" || to.Path != "/.authentik/login" || to.Query().Get("to") != "/a?b=c%20d" {
			t.Errorf("%s: got %s, want the way to the sign-in and back", method, got)
		}
	}
	got := p.send(t, request(t, http.MethodGet, "/api", "Accept", "application/json", "X-Requested-With", "XMLHttpRequest"))
	if got.StatusCode != http.StatusUnauthorized || got.Header.Get("Location") != "" || !strings.Contains(got.Text, `"sign-in-required"`) ||
		!strings.Contains(strings.Join(got.Header.Values("Www-Authenticate"), " "), "authentik login_url=") {
		t.Errorf("program: got %s, want 401 and a problem", got)
	}
	form := request(t, http.MethodPost, "/posted", "Accept", "text/html", "Origin", wiki, "Content-Type", "application/x-www-form-urlencoded")
	form.Body, form.ContentLength = io.NopCloser(strings.NewReader("a=b")), 3
	if got := p.send(t, form); got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.Text, "/.authentik/login") {
		t.Errorf("form: got %s, want a page with the way to the sign-in", got)
	}
	if got := p.send(t, request(t, http.MethodGet, "/../a/%2e%2e/x", "Accept", "text/html")); got.StatusCode == http.StatusOK {
		t.Errorf("dots: got %s, want a refusal", got)
	}
	if after := len(p.App.Requests()); after != before {
		t.Errorf("got %d requests at the application, want none", after-before)
	}
}

// sent returns the answer to a request, and what reached the application of it.
func (p *proxied) sent(t *testing.T, r *http.Request) (answer, *http.Request) {
	t.Helper()
	before := len(p.App.Requests())
	got := p.send(t, r)
	if all := p.App.Requests(); len(all) > before {
		return got, all[len(all)-1]
	}
	return got, nil
}

func cookies(t *testing.T, p *proxied, cookie string) {
	for name, others := range map[string]string{"none": "", "some": "theme=dark; lang=en", "64 KB": "large=" + strings.Repeat("x", 64<<10)} {
		line := strings.TrimSuffix(cookie+"; "+others, "; ")
		got, there := p.sent(t, request(t, http.MethodGet, "/", "Cookie", line))
		if there == nil || got.StatusCode != http.StatusOK {
			t.Errorf("%s: got %.300s, want the application", name, got)
			continue
		}
		if left := strings.Join(there.Header["Cookie"], "; "); left != others {
			t.Errorf("%s: got the cookies %.200q at the application, want %.200q", name, left, others)
		}
		if there.Header.Get("Remote-User") != testsite.Jane || there.Header.Get("Remote-Groups") != "staff" {
			t.Errorf("%s: got the headers %.500v at the application, want Jane's", name, there.Header)
		}
	}
}

// madeUp sends identity headers as clients make them up, with a session and on an
// open path without one.
func madeUp(t *testing.T, p *proxied, cookie string) {
	for _, name := range []string{
		"Remote-User", "remote-name", "REMOTE-GROUPS", "Remote_User", "Remote.User", "remote_groups", "X-Authentik-Username", "X-authentik_groups", "X-Authentik-Jwt",
	} {
		for path, with := range map[string]string{"/": cookie, "/open": "a=b"} {
			for _, connection := range []string{"close", "close, " + name} { // which asks proxies to remove it
				got, there := p.sent(t, request(t, http.MethodGet, path, "Cookie", with, name, "admin", "Connection", connection))
				if there == nil {
					continue // refused, which is as good
				}
				for header, lines := range there.Header {
					if strings.Contains(strings.Join(lines, " "), "admin") {
						t.Errorf("%s on %s: got %s: %q at the application (%s), want nothing of what the client says", name, path, header, lines, got.Status)
					}
				}
			}
		}
	}
	if _, there := p.sent(t, request(t, http.MethodGet, "/open", "Remote-User", "admin", "Remote-Groups", "admin")); there == nil || there.Header["Remote-User"] != nil || there.Header["Remote-Groups"] != nil {
		t.Errorf("got %v on an open path, want the request without an identity", there)
	}
}

// contradictions sends what other proxies describe requests with, to have an open
// path, another host or a preflight taken for this request.
func contradictions(t *testing.T, p *proxied, cookie string) {
	made := map[string]string{
		"X-Forwarded-Uri": "/open", "X-Forwarded-Method": "OPTIONS", "X-Forwarded-Host": "any.other.org", "X-Forwarded-Proto": "http", "X-Original-Url": wiki + "/open",
		"X-Original-Uri": "/open", "X-Original-Method": "OPTIONS", "X-Rewrite-Url": "/open", "Forwarded": "host=any.other.org", "X-Http-Method-Override": "OPTIONS",
		"X-Envoy-Original-Path": "/open", "X-Forwarded-Prefix": "/open", "X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Gate-Set": "Remote-User",
	}
	for name, value := range made {
		if got, there := p.sent(t, request(t, http.MethodGet, "/", name, value, "Accept", "text/html")); there != nil || got.StatusCode < 300 {
			t.Errorf("%s: %s: got %s, want a refusal without a session", name, value, got)
		}
		if got, there := p.sent(t, request(t, http.MethodGet, "/", name, value, "Cookie", cookie)); there != nil && there.Header.Get("Remote-User") != testsite.Jane {
			t.Errorf("%s: %s: got %s and %v at the application, want Jane or a refusal", name, value, got, there.Header)
		}
	}
}

// verdicts has a client ask for its own verdict: what it has may be secret.
func verdicts(t *testing.T, p *proxied, cookie string) {
	for _, path := range []string{
		"/.authentik/forward", "/.authentik/forward/", "/.authentik/forward/refused", "/.authentik/%66orward", "/.authentik/./forward", "/.authentik//forward", "/x/../.authentik/forward/",
		"/.authentik/x/../forward", "/.authentik/forward?x=y",
	} {
		got, there := p.sent(t, request(t, http.MethodGet, path, "Cookie", cookie, "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/", "X-Original-Url", wiki+"/", "X-Original-Method", "GET"))
		if there == nil && got.StatusCode < 300 || got.Header.Get("Remote-User") != "" { // to HAProxy a path with dots is one of the application
			t.Errorf("%s: got %s, want a refusal", path, got)
		}
	}
}

// upload sends a body that is longer than any buffer, with its length and without.
func upload(t *testing.T, p *proxied, cookie string) {
	body := strings.Repeat("0123456789abcdef", 40<<10) // 640 KiB
	for name, length := range map[string]int64{"length": int64(len(body)), "chunks": -1} {
		before := len(p.App.Posts())
		r := request(t, http.MethodPost, "/posted", "Cookie", cookie, "Content-Type", "application/octet-stream")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), length
		if got := p.send(t, r); got.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %s, want the application", name, got)
		}
		if posts := p.App.Posts()[before:]; len(posts) != 1 || posts[0] != body {
			t.Errorf("%s: got %d bodies at the application, want one as it was sent", name, len(posts))
		}
	}
}

func webSocket(t *testing.T, p *proxied, cookie string) {
	open := func(cookie string) (*websocket.Conn, error) {
		cfg, err := websocket.NewConfig("wss://wiki.example.com/socket", wiki)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Header.Set("Cookie", cookie)
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "wiki.example.com"}} //nolint:gosec // the certificate is as old as the test
		connection, err := dialer.DialContext(t.Context(), "tcp", p.at)
		if err != nil {
			t.Fatal(err)
		}
		if err := connection.SetDeadline(time.Now().Add(testsite.Timeout)); err != nil {
			t.Fatal(err)
		}
		socket, err := websocket.NewClient(cfg, connection)
		if err != nil {
			_ = connection.Close()
		}
		return socket, err
	}
	socket, err := open(cookie)
	if err != nil {
		t.Fatalf("got no WebSocket: %v", err)
	}
	said := make([]byte, 4)
	if _, err := io.ReadFull(socket, said); err != nil || string(said) != "tick" {
		t.Errorf("got %q, %v, want tick", said, err)
	}
	_ = socket.Close()
	if socket, err := open("a=b"); err == nil {
		_ = socket.Close()
		t.Error("got a WebSocket without a session, want a refusal")
	}
}

// program shows an app password, which the application must not get.
func program(t *testing.T, p *proxied, _ string) {
	r := request(t, http.MethodGet, "/dav/")
	r.SetBasicAuth(testsite.Jane, robot)
	got, there := p.sent(t, r)
	if there == nil || got.StatusCode != http.StatusOK || there.Header.Get("Remote-User") != testsite.Jane || there.Header.Get("Authorization") != "" {
		t.Errorf("got %s and %v at the application, want Jane and no credential", got, there)
	}
	r = request(t, http.MethodGet, "/open")
	r.Header.Set("Authorization", "Token of-the-application")
	if _, there := p.sent(t, r); there == nil || there.Header.Get("Authorization") != "Token of-the-application" {
		t.Errorf("got %v at the application, want its own credential", there)
	}
}

// refused is a user who may not use the application.
func refused(t *testing.T, p *proxied, _ string) {
	person := p.person(t)
	page := person.Enter(person.Open("/"), "uid_field", joe)
	person.Enter(page, "password", testsite.Password)
	page = person.Open("/")
	if page.Status != http.StatusForbidden || !strings.Contains(page.Text(), joe) {
		t.Errorf("got status %d, want 403 and a page that names the user:\n%s", page.Status, page.Text())
	}
}

// TestProxy_SignsInAtALoginHost: the sign-in is at another origin, and its ticket
// comes back through the proxy.
func TestProxy_SignsInAtALoginHost(t *testing.T) {
	t.Parallel()
	testsite.Program(t)
	w := newWorld(t, "login at LOGINHOST")
	for _, k := range kinds {
		t.Run(k.dialect, func(t *testing.T) {
			t.Parallel()
			p := k.serve(t, w.sidecars[k.dialect])
			jane := p.person(t)
			page := jane.Open("/a?b=c")
			if at := page.URL.Scheme + "://" + page.URL.Host; at != w.loginHost {
				t.Fatalf("got the sign-in at %s, want it at %s:\n%s", page.URL, w.loginHost, page.Text())
			}
			jane.Greeted(jane.Credentials(page), "/a?b=c")
			p.App.Check(t, testsite.Jane)
			testsite.EventuallyOr(t, func() bool { return k.dialect == "traefik" || strings.Contains(p.logged(), "/.authentik/callback") },
				func() string { return "got no line about the callback:\n" + p.logged() })
			if got := p.logged(); strings.Contains(got, "ticket=") {
				t.Errorf("got a ticket in the log, want addresses without their queries:\n%s", got)
			}
			jane.SignOut()
			if page = jane.Open("/"); page.URL.Scheme+"://"+page.URL.Host != w.loginHost {
				t.Errorf("got %s after the sign-out, want the sign-in", page.URL)
			}
		})
	}
}

// TestProxy_DemandsASecondFactor: for some requests, of a visitor who is signed in
// without one.
func TestProxy_DemandsASecondFactor(t *testing.T) {
	t.Parallel()
	testsite.Program(t)
	w := newWorld(t, "login at LOGINHOST", "on /admin {\n\t\t\trequire mfa\n\t\t}")
	for _, k := range kinds {
		t.Run(k.dialect, func(t *testing.T) {
			t.Parallel()
			p := k.serve(t, w.sidecars[k.dialect])
			testsite.AddCode(w.StandIn) // each code is for one use
			jane := p.person(t)
			jane.SignIn()
			script := request(t, http.MethodGet, "/admin", "Cookie", jane.Cookies().Header(), "Accept", "application/json")
			if got, there := p.sent(t, script); got.StatusCode != http.StatusUnauthorized || got.Header.Get("Location") != "" || there != nil {
				t.Errorf("script: got %s, want 401 and nothing at the application", got)
			}
			page := jane.Open("/admin?a=b")
			if at := page.URL.Scheme + "://" + page.URL.Host; at != w.loginHost || page.URL.Path != "/if/flow/second/" {
				t.Fatalf("got status %d at %s, want the flow for a second factor at %s:\n%s", page.Status, page.URL, w.loginHost, page.Text())
			}
			jane.Greeted(jane.AtAuthentik(page), "/admin?a=b")
			jane.Greeted(jane.Open("/"), "/")
			p.App.Check(t, testsite.Jane)
		})
	}
}

// TestProxy_RefusesWithoutTheGate has nothing where the gate should be.
func TestProxy_RefusesWithoutTheGate(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.dialect, func(t *testing.T) {
			t.Parallel()
			testsite.Program(t)
			p := k.serve(t, processtest.Free(t))
			for _, path := range []string{"/", "/open"} {
				if got, there := p.sent(t, request(t, http.MethodGet, path)); got.StatusCode < 500 || there != nil {
					t.Errorf("%s: got %s, want a failure", path, got)
				}
			}
		})
	}
}

// TestHAProxy_RefusesIfTheFileFails: HAProxy goes on with a request whose Lua fails.
func TestHAProxy_RefusesIfTheFileFails(t *testing.T) {
	t.Parallel()
	testsite.Program(t)
	k := kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.dialect == "haproxy" })]
	k.instead = map[string]string{"authentik.lua": `core.register_action("authentik", { "http-req" }, function(txn) error("failed") end)`}
	p := k.serve(t, processtest.Free(t))
	if got, there := p.sent(t, request(t, http.MethodGet, "/")); got.StatusCode != http.StatusServiceUnavailable || there != nil {
		t.Errorf("got %s, want 503", got)
	}
}

// TestSidecar_AnswersNoOtherPeer connects from an address that is not listed.
func TestSidecar_AnswersNoOtherPeer(t *testing.T) {
	t.Parallel()
	testsite.Program(t)
	w := newWorld(t)
	for _, k := range kinds {
		for from, want := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
			r := request(t, http.MethodGet, "/.authentik/login", "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", "https")
			r.URL.Scheme, r.URL.Host, r.Host = "http", w.sidecars[k.dialect], "wiki.example.com"
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if answered := res.StatusCode == http.StatusOK; answered != want {
				t.Errorf("%s from %s: got status %d, want an answer: %v", k.dialect, from, res.StatusCode, want)
			}
		}
	}
}
