package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// spellings are the ways to write a header's name that some application reads
// as the same.
func spellings(name string) []string {
	all := []string{name, strings.ToLower(name), strings.ToUpper(name)}
	for _, with := range []string{"_", "."} {
		other := strings.ReplaceAll(name, "-", with)
		all = append(all, other, strings.ToLower(other), strings.Replace(name, "-", with, 1))
	}
	return append(all, name+" ", " "+name)
}

func TestHeaders_NoClientSaysWhoItIs(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, func(c *Config) {
		c.Headers.Preset = HeadersRemote
		c.Headers.Own = []HeaderRule{{Name: "X-Legacy.User_Name", Claim: "username"}}
		c.Open = func(*http.Request) bool { return true }
	}, session.Record{User: User{Username: "jane"}})
	names := []string{
		"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "X-Legacy-User-Name",
		"X-Authentik-Username", "X-Authentik-Meta-App", "X-Authentik-Jwt", "X-Authentik-Entitlements",
	}
	for _, name := range names {
		for _, spelled := range spellings(name) {
			for _, signedIn := range []bool{false, true} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				r.Header[spelled] = []string{"admin"}
				r.Trailer = http.Header{spelled: {"admin"}}
				r.Header["Connection"] = []string{"close, " + spelled, spelled}
				if signedIn {
					r.Header.Set("Cookie", "authentik_gate="+cookie)
				}
				r.Host = "app.example.com"
				after := through(t, g, r)
				said := fmt.Sprint(after.Header, after.Trailer)
				if strings.Contains(said, "admin") {
					t.Errorf("%q, signed in %t: got %s at the application", spelled, signedIn, said)
				}
				if c := strings.Join(after.Header["Connection"], ","); c != "close" {
					t.Errorf("%q: got Connection %q, want close", spelled, c)
				}
			}
		}
	}
}

// through sends a request through a gate and returns what the application gets.
func through(t testing.TB, g *Gate, r *http.Request) *http.Request {
	t.Helper()
	var got *http.Request
	err := g.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error {
		got = r
		return nil
	})
	if err != nil || got == nil {
		t.Fatalf("got the request refused: %v", err)
	}
	return got
}

func TestHeaders_TrailersAreStripped(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Open = func(*http.Request) bool { return true } })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", io.MultiReader(strings.NewReader("body")))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"Remote-User": {"admin"}, "X-Other": {"stays"}}
	s.person(t).do(r)
	got := s.last(t)
	if got.Trailer.Get("Remote-User") != "" || got.Trailer.Get("X-Other") != "stays" {
		t.Errorf("got the trailers %v, want only X-Other", got.Trailer)
	}
}

func TestHeaders_AreWhatTheConfigurationSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cfg  HeaderConfig
		want map[string]string
	}{
		{"default", HeaderConfig{}, map[string]string{"Remote-User": "jane", "Remote-Email": "jane@example.com", "Remote-Groups": "staff"}},
		{"authentik", HeaderConfig{Preset: HeadersAuthentik}, map[string]string{
			"X-Authentik-Username": "jane", "X-Authentik-Email": "jane@example.com", "X-Authentik-Groups": "staff",
		}},
		{"off", HeaderConfig{Preset: HeadersOff}, map[string]string{}},
		{"own", HeaderConfig{Own: []HeaderRule{
			{Name: "x-user", Claim: "username"},
			{Name: "X-Both", Value: func(r *http.Request, s Session) string { return r.URL.Path + ":" + s.User().Username }},
		}}, map[string]string{"X-User": "jane", "X-Both": "/path:jane"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g, cookie := held(t, func(c *Config) { c.Headers = tt.cfg }, session.Record{
				User: User{Username: "jane", Email: "jane@example.com", Groups: []string{"staff"}},
			})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/path", nil)
			r.Host = "app.example.com"
			r.Header.Set("Cookie", "authentik_gate="+cookie)
			got := map[string]string{}
			for name, values := range through(t, g, r).Header {
				got[name] = strings.Join(values, " AND ")
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("headers: got\n%v, want\n%v", got, tt.want)
			}
		})
	}
}

func TestHeaders_HandlersBehindTheGateCannotChangeASession(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, nil, session.Record{User: User{Username: "jane"}})
	for range 2 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = "app.example.com"
		r.Header.Set("Cookie", "authentik_gate="+cookie)
		got := through(t, g, r)
		if got.Header.Get("Remote-User") != "jane" {
			t.Fatalf("got the identity %q for the second request", got.Header.Get("Remote-User"))
		}
		got.Header["Remote-User"][0] = "admin"
	}
}

func TestHeaders_CookiesOfTheApplicationAreKept(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, nil, session.Record{User: User{Username: "jane"}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "app.example.com"
	r.Header["Cookie"] = []string{
		"theme=dark; authentik_gate=" + cookie + "; x=authentik_visit", "authentik_browser=1;__Host-authentik_visit=2", "; ;a=b",
		"authentik_relay=3; __Host-authentik_relay=4; authentik_arrivals=5; __Host-authentik_arrivals=6; __Host-authentik_browser=7",
	}
	got := strings.Join(through(t, g, r).Header["Cookie"], "/")
	if got != "theme=dark; x=authentik_visit/; ;a=b" {
		t.Errorf("got the cookies %q at the application", got)
	}
}
