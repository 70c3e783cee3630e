package caddymodule

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowsidecar/caddy-authentik/examples/legacy/ledger"
)

// TestSignOn_AnOldApplicationIsSignedInTo puts the gate before an application that
// was not changed for it.
func TestSignOn_AnOldApplicationIsSignedInTo(t *testing.T) {
	s := newSite(t)
	old := httptest.NewServer(ledger.New(map[string]string{"ada": "from 1987"}))
	t.Cleanup(old.Close)
	t.Setenv("LEDGER_PASSWORD", "from 1987")
	s.load(`SITE {
	authentik AUTHENTIK {
		sign_on form {
			page /login
			user username {http.auth.user.username}
			password password {env.LEDGER_PASSWORD}
			cookies ledger_sid
		}
		sign_out /logout
	}
	reverse_proxy ` + strings.TrimPrefix(old.URL, "http://") + "\n}\n")
	b := s.browser()
	end := b.signIn("/1987/march?sum=1", "ada")
	login := b.follow(end)
	if to := login.Header.Get("Location"); !strings.HasPrefix(to, "/login?next=") {
		t.Fatalf("the application leads to %q, want its login", to)
	}
	in := b.follow(login)
	if to := in.Header.Get("Location"); in.StatusCode != http.StatusSeeOther || to != "/1987/march?sum=1" {
		t.Fatalf("got %d to %q, want the page that was asked for:\n%s", in.StatusCode, to, in.body)
	}
	b.expect(b.follow(in), http.StatusOK, "for <b>ada</b>")

	b.header.Set("Sec-Fetch-Site", "same-origin")
	b.header.Set("Sec-Fetch-Mode", "navigate")
	out := b.get("/logout")
	b.expect(b.follow(out), http.StatusOK, "")
	b.expect(b.get("/1987/march"), http.StatusSeeOther, "")
	if strings.Contains(b.cookies(), "ledger_sid") {
		t.Errorf("got the cookies %s in the browser, want no ledger_sid", b.cookies())
	}
}

// TestSignOn_RoutesSeeTheFormAndNotThePageLoad: what stands behind the gate reads
// placeholders of the request that the gate has made, and may rewrite it.
func TestSignOn_RoutesSeeTheFormAndNotThePageLoad(t *testing.T) {
	s := newSite(t)
	var other atomic.Int32
	app := http.StripPrefix("/v1", ledger.New(map[string]string{"ada": "from 1987"}))
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Line") != r.Method+" "+r.URL.RequestURI() {
			other.Add(1)
		}
		app.ServeHTTP(w, r)
	}))
	t.Cleanup(old.Close)
	s.load(`SITE {
	route {
		authentik AUTHENTIK {
			sign_on form {
				page /login
				user username {http.auth.user.username}
				password password "from 1987"
				cookies ledger_sid
			}
		}
		rewrite * /v1{http.request.uri}
		reverse_proxy ` + strings.TrimPrefix(old.URL, "http://") + ` {
			header_up X-Line "{http.request.method} {http.request.uri}"
		}
	}
}
`)
	b := s.browser()
	in := b.follow(b.follow(b.signIn("/1987/march?sum=1", "ada")))
	b.expect(b.follow(in), http.StatusOK, "for <b>ada</b>")
	if other.Load() > 0 {
		t.Errorf("got %d requests with placeholders of another request", other.Load())
	}
}

func TestSignOn_BasicIsSentToTheApplicationOnly(t *testing.T) {
	s := newSite(t)
	t.Setenv("LEDGER_PASSWORD", "a:{b}ü")
	s.load(`SITE {
	authentik AUTHENTIK {
		sign_on basic {
			user {http.auth.user.username}
			password {env.LEDGER_PASSWORD}
		}
	}
	reverse_proxy APP
}
`)
	b := s.browser()
	b.header.Set("Authorization", "Basic Zm9yZ2VkOmJ5IGNsaWVudA==")
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:a:{b}ü"))
	if seen := s.app.seen(); strings.Join(seen.Header["Authorization"], "|") != want {
		t.Errorf("got %q, want %q", seen.Header["Authorization"], want)
	}
}
