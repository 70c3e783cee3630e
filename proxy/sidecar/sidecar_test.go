package sidecar

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// forEach runs a test with each dialect.
func forEach(t *testing.T, test func(t *testing.T, dialect Dialect)) {
	t.Helper()
	for _, dialect := range everyDialect {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			test(t, dialect)
		})
	}
}

// load is a page load, as a browser sends it.
func load(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.RequestURI = ""
	r.Header.Set("Accept", "text/html")
	return r
}

func TestSidecar_SignsInAndOut(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		p := n.person(t, "https://wiki.example.com")
		p.Greeted(p.Credentials(p.Open("/a?b=c")), "/a?b=c")
		n.App.Check(t, testsite.Jane)
		p.SignOut()
		if got := n.answer(described(load("https://wiki.example.com/"), dialect)).Code; got == http.StatusOK {
			t.Error("got a verdict that lets the request pass after the sign-out")
		}
	})
}

func TestSidecar_AsksForTheApplicationOfTheSite(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		p := n.person(t, "https://vault.example.com")
		if page := p.Credentials(p.Open("/")); page.Status != http.StatusForbidden || len(n.App.Requests()) > 0 {
			t.Errorf("got status %d and %d requests at the application, want 403 and none", page.Status, len(n.App.Requests()))
		}
		p = n.person(t, "https://any.other.org")
		p.SignIn()
	})
}

// TestVerdict_SaysHowToSignIn is about a page load and a program without a session.
func TestVerdict_SaysHowToSignIn(t *testing.T) {
	t.Parallel()
	const login = "/.authentik/login?to=%2Fa"
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		status, to := http.StatusSeeOther, login
		switch dialect {
		case Nginx:
			status = http.StatusUnauthorized
		case Traefik:
			to = "https://wiki.example.com" + login
		}
		w := n.answer(described(load("https://wiki.example.com/a"), dialect))
		if got := w.Header().Get("Location"); w.Code != status || !strings.HasPrefix(got, to) {
			t.Errorf("page load: got status %d to %q, want %d to %q", w.Code, got, status, to)
		}
		r := load("https://wiki.example.com/a")
		r.Header.Set("Accept", "application/json")
		w = n.answer(described(r, dialect))
		if w.Code != http.StatusUnauthorized || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), `"sign-in-required"`) {
			t.Errorf("program: got status %d with %v and %s, want 401 and a problem", w.Code, w.Header(), w.Body)
		}
	})
}

// TestVerdict_NeverPassesWithoutTheGate: a page of the gate has the status 200, and
// 2xx means to other proxies that a request passes.
func TestVerdict_NeverPassesWithoutTheGate(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		for _, path := range []string{
			"/.authentik/login", "/.authentik", "/.authentik/", "/.authentik/session", "/.authentik/assets/page.css", "/.authentik/forward",
			"/%2eauthentik/login", "/./.authentik/login", "//.authentik/login",
		} {
			r := load("https://wiki.example.com/")
			r.URL.Path, r.URL.RawPath, r.URL.Opaque = "", "", path
			got := n.answer(described(r, dialect))
			if clean := strings.HasPrefix(path, "/.authentik"); got.Code < 300 || clean && !strings.Contains(got.Body.String(), "not-found") {
				t.Errorf("%s: got status %d with %s, want a refusal", path, got.Code, got.Body)
			}
		}
		for name, change := range map[string]func(http.Header){
			"frame": func(h http.Header) { h.Set("Sec-Fetch-Mode", "navigate"); h.Set("Sec-Fetch-Dest", "iframe") },
			"form": func(h http.Header) {
				h.Set("Content-Type", "application/x-www-form-urlencoded")
				h.Set("Sec-Fetch-Mode", "navigate")
			},
			"script":     func(h http.Header) { h.Set("Sec-Fetch-Mode", "cors"); h.Set("Sec-Fetch-Dest", "empty") },
			"web socket": func(h http.Header) { h.Set("Upgrade", "websocket"); h.Set("Connection", "Upgrade") },
		} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PROPFIND"} {
				r := load("https://wiki.example.com/")
				r.Method = method
				change(r.Header)
				if got := n.answer(described(r, dialect)).Code; got < 300 {
					t.Errorf("%s, %s: got status %d, want a refusal", name, method, got)
				}
			}
		}
	})
}

func TestVerdict_HasNoCookieOfTheGate(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		p := n.person(t, "https://wiki.example.com")
		p.SignIn()
		r := load("https://wiki.example.com/")
		r.Header["Cookie"] = []string{"theme=dark; " + p.Cookies().Header(), "lang=en"}
		w := n.answer(described(r, dialect))
		if got := w.Header()["Cookie"]; w.Code != http.StatusOK || len(got) != 1 || got[0] != "theme=dark; lang=en" {
			t.Errorf("got status %d with the cookies %q, want 200 and the application's in one line", w.Code, got)
		}
		r.Header.Set("Cookie", p.Cookies().Header())
		w = n.answer(described(r, dialect))
		if got, there := w.Header()["Cookie"]; there {
			t.Errorf("got the cookies %q, want none", got)
		}
		if removes := dialects[dialect].removes; removes != "" && !strings.Contains(","+w.Header().Get(removes)+",", ",Cookie,") {
			t.Errorf("got %q to remove, want Cookie among it", w.Header().Get(removes))
		}
		if w.Header().Get("Remote-User") != testsite.Jane || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("got the headers %v, want the identity and no cookie", w.Header())
		}
	})
}

// TestVerdict_KeepsWhatClientsMakeUpFromTheApplication sends identity headers in all
// spellings, with a session and on an open path.
func TestVerdict_KeepsWhatClientsMakeUpFromTheApplication(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, func(c *proxy.Config) {
			c.Open = func(r *http.Request) bool { return r.URL.Path == "/open" }
		})
		p := n.person(t, "https://wiki.example.com")
		p.SignIn()
		for _, name := range []string{"Remote-User", "remote-groups", "Remote_User", "REMOTE.USER", "X-authentik-username", "X_Authentik_Groups", "X-Authentik-Anything"} {
			for path, cookie := range map[string]string{"/": p.Cookies().Header(), "/open": ""} {
				r := load("https://wiki.example.com" + path)
				r.Header.Set("Cookie", cookie)
				r.Header[http.CanonicalHeaderKey(name)] = []string{"admin"}
				before := len(n.App.Requests())
				if _, err := n.RoundTrip(r); err != nil {
					t.Fatal(err)
				}
				for _, got := range n.App.Requests()[before:] {
					for there, lines := range got.Header {
						if strings.Contains(strings.Join(lines, " "), "admin") {
							t.Errorf("%s on %s: got %s: %q at the application, want nothing of what the client says", name, path, there, lines)
						}
					}
				}
				told := dialects[dialect].removes != "" || http.CanonicalHeaderKey(name) == "Remote-User" || name == "remote-groups"
				if passed := len(n.App.Requests()) > before; passed != told {
					t.Errorf("%s on %s: got the request passed: %v, want %v (verdict %d)", name, path, passed, told, n.last.Code)
				}
			}
		}
	})
}

func TestSidecar_AnswersOnlyListedPeers(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		p := n.person(t, "https://wiki.example.com")
		p.SignIn()
		ours := load("https://wiki.example.com/")
		ours.Header.Set("Cookie", p.Cookies().Header())
		for name, r := range map[string]*http.Request{"verdict": described(ours, dialect), "own": passedOn(load("https://wiki.example.com/.authentik/login"))} {
			for _, peer := range []string{"10.0.0.3:4711", "[::1]:4711", "@", "", "127.0.0.1:4711"} {
				r.RemoteAddr = peer
				r.Header.Set("X-Forwarded-For", peerAddress)
				r.Header.Set("X-Real-Ip", peerAddress)
				if w := n.answer(r); w.Code != http.StatusNotFound && (dialect != Nginx || w.Code != http.StatusForbidden) || w.Header().Get("Remote-User") != "" {
					t.Errorf("%s from %q: got status %d with %v, want 404", name, peer, w.Code, w.Header())
				}
			}
			r.RemoteAddr = "[::ffff:" + peerAddress + "]:4711"
			if w := n.answer(r); w.Code != http.StatusOK {
				t.Errorf("%s from the peer in IPv6: got status %d, want 200", name, w.Code)
			}
		}
	})
}

// A hurrying writer notes whether reads have a deadline.
type hurrying struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (h *hurrying) SetReadDeadline(at time.Time) error {
	h.deadline = at
	return nil
}

// TestSidecar_ABodyThatIsNotReadHasADeadline: net/http waits for its beginning
// before it sends the response.
func TestSidecar_ABodyThatIsNotReadHasADeadline(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Nginx, nil)
	for _, path := range []string{"/.authentik/forward", "/.authentik/login", "/"} {
		w := &hurrying{ResponseRecorder: httptest.NewRecorder()}
		r := load("https://wiki.example.com" + path)
		r.ContentLength = 1 << 30
		n.ServeHTTP(w, r)
		if w.deadline.IsZero() {
			t.Errorf("%s: got status %d without a deadline for the body, want one", path, w.Code)
		}
	}
}

// TestVerdict_DoesNotWaitForABodyOfNginx: without proxy_pass_request_body off, nginx
// announces a body and does not send it.
func TestVerdict_DoesNotWaitForABodyOfNginx(t *testing.T) {
	t.Parallel()
	n, ask := signedIn(t, Nginx)
	w, r := &hurrying{ResponseRecorder: httptest.NewRecorder()}, ask()
	r.ContentLength = 3
	n.ServeHTTP(w, r)
	if w.Code != http.StatusOK || time.Now().Before(w.deadline) {
		t.Errorf("got status %d with the deadline %v for the body, want 200 and one that has passed", w.Code, w.deadline)
	}
}

// TestVerdict_IsNotForClients: the other proxy passes the gate's own addresses on,
// and a client may ask for that of verdicts there. What a verdict has may be
// secret.
func TestVerdict_IsNotForClients(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		if dialects[dialect].itself {
			t.Skip("the proxy's own configuration keeps clients from that address")
		}
		n := newNetwork(t, dialect, nil)
		p := n.person(t, "https://wiki.example.com")
		p.SignIn()
		r := load("https://wiki.example.com/")
		r.Header.Set("Cookie", p.Cookies().Header())
		for _, host := range []string{"wiki.example.com", "WIKI.example.com", "wiki.example.com:443", "x.other.org", "vault.example.com."} {
			ask := described(r, dialect)
			ask.Host = host
			if w := n.answer(ask); w.Code == http.StatusOK || w.Header().Get("Remote-User") != "" {
				t.Errorf("%s: got status %d with %v, want a refusal", host, w.Code, w.Header())
			}
		}
	})
}
