package sidecar

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// TestDescription_EveryLineOfOtherDialectsCounts: a true line does not hide another.
func TestDescription_EveryLineOfOtherDialectsCounts(t *testing.T) {
	t.Parallel()
	lines := map[string][2]string{
		forwardedMethod: {"GET", "OPTIONS"}, forwardedProto: {"https", "http"}, forwardedHost: {"wiki.example.com", "any.other.org"},
		forwardedURI: {"/a?b=c", "/open"}, originalMethod: {"GET", "OPTIONS"}, originalURL: {"https://wiki.example.com/a?b=c", "https://wiki.example.com/open"},
	}
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, ask := signedIn(t, dialect)
		for name, said := range lines {
			for how, values := range map[string][]string{"the true one first": said[:], "the true one last": {said[1], said[0]}, "a list": {said[0] + ", " + said[1]}} {
				r := ask()
				r.Header[name] = values
				if how == "a list" && name == forwardedURI && slices.Contains(own[dialect], name) || how == "a list" && name == originalURL && dialect == Nginx {
					continue // a path may have a comma
				}
				if got := n.answer(r).Code; got == http.StatusOK {
					t.Errorf("%s, %s: got status 200, want a refusal", name, how)
				}
			}
		}
	})
}

// TestDescription_OtherSpellingsAreOtherHeaders: an application that speaks CGI reads
// an underscore as a hyphen, and the gate does not.
func TestDescription_OtherSpellingsAreOtherHeaders(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, ask := signedIn(t, dialect)
		for _, name := range own[dialect] {
			for _, spelling := range []string{strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", "."), name + " "} {
				r := ask()
				r.Header[spelling] = r.Header[name]
				delete(r.Header, name)
				if got := n.answer(r).Code; got == http.StatusOK {
					t.Errorf("%s instead of %s: got status 200, want a refusal", spelling, name)
				}
				r = ask()
				r.Header[spelling] = []string{"any.other.org"}
				if w := n.answer(r); w.Code != http.StatusOK || w.Header().Get("Remote-User") != testsite.Jane {
					t.Errorf("%s beside %s: got status %d, want it ignored", spelling, name, w.Code)
				}
			}
		}
		// HTTP/2 has the host in :authority, and a client may send Host as well.
		r := ask()
		r.Header["Host"] = []string{"any.other.org"}
		if w := n.answer(r); w.Code != http.StatusOK || w.Header()["Host"] != nil {
			t.Errorf("Host: got status %d with %v, want it ignored", w.Code, w.Header())
		}
	})
}

// TestDescription_HasNoBody: a proxy that sends the body or trailers along has no
// influence on the verdict by them.
func TestDescription_HasNoBody(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, seen := newOpenNetwork(t, dialect)
		r := described(load(wiki+"/"), dialect)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("a=b")), -1
		r.TransferEncoding, r.Trailer = []string{"chunked"}, http.Header{"Remote-User": {"admin"}}
		if got := n.answer(r).Code; got != http.StatusOK || len(*seen) != 1 {
			t.Fatalf("got status %d and %d looks, want 200 and one", got, len(*seen))
		}
		got := (*seen)[0]
		if body, _ := io.ReadAll(got.Body); len(body) > 0 || got.ContentLength != 0 || got.TransferEncoding != nil || got.Trailer != nil {
			t.Errorf("got the body %q of %d bytes, %v, with the trailer %v, want none", body, got.ContentLength, got.TransferEncoding, got.Trailer)
		}
	})
}

// TestSignIn_LeadsToNoOtherHost asks for paths that browsers read as another host
// where no host comes before them.
func TestSignIn_LeadsToNoOtherHost(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		for _, path := range []string{"//any.net/a", "///any.net", "/%2Fany.net", "/%5Cany.net", "//any.net@wiki.example.com", "/.//any.net", "/a/..//any.net"} {
			r := load(wiki + "/")
			r.URL.Path, r.URL.Opaque = "", path
			w := n.answer(described(r, dialect))
			at := w.Header().Get("Location")
			if at == "" {
				if w.Code < http.StatusBadRequest {
					t.Errorf("%s: got status %d without an address, want a refusal or the sign-in", path, w.Code)
				}
				continue
			}
			page, err := url.Parse(at)
			if err != nil || page.Host != "" && page.Host != "wiki.example.com" || page.Path != "/.authentik/login" {
				t.Errorf("%s: got led to %q, want the sign-in of the site", path, at)
				continue
			}
			p := n.person(t, wiki)
			landed := p.Credentials(p.Open(page.RequestURI()))
			if landed.URL.Host != "wiki.example.com" || landed.URL.Scheme != "https" {
				t.Errorf("%s: got to %s after the sign-in, want the site", path, landed.URL)
			}
		}
	})
}

// TestVerdict_IsAskedForAsProxiesDo asks for the verdict about a request that passes
// in ways in which no proxy of the kind does.
func TestVerdict_IsAskedForAsProxiesDo(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, ask := signedIn(t, dialect)
		for name, change := range map[string]func(*http.Request){
			"another method":        func(r *http.Request) { r.Method = http.MethodPost },
			"a method of no server": func(r *http.Request) { r.Method = "get" },
			"another path":          func(r *http.Request) { r.URL.Path, r.RequestURI = "/.authentik/forwarded", "/.authentik/forwarded" },
			"a path below":          func(r *http.Request) { r.URL.Path, r.RequestURI = "/.authentik/forward/a", "/.authentik/forward/a" },
			"what nginx asks for after a refusal": func(r *http.Request) {
				r.URL.Path, r.RequestURI = "/.authentik/forward"+refusedPath, "/.authentik/forward"+refusedPath
			},
			"encoded": func(r *http.Request) { r.RequestURI = "/.authentik/%66orward/a" },
		} {
			if dialects[dialect].itself && name != "a method of no server" && name != "another path" && name != "encoded" {
				continue // this is another request of the client
			}
			if !dialects[dialect].itself && name == "encoded" {
				continue // this is the same address
			}
			r := ask()
			change(r)
			if w := n.answer(r); w.Code < http.StatusBadRequest || w.Header().Get("Remote-User") != "" {
				t.Errorf("%s: got status %d with %v, want a refusal", name, w.Code, w.Header())
			}
		}
	})
}

// TestPassedOn_IsSaidByTheProxy: the gate's own addresses are at the site of Host, and
// the proxy says how the client is connected.
func TestPassedOn_IsSaidByTheProxy(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, nil)
		for name, tt := range map[string]struct {
			change func(*http.Request)
			want   int
		}{
			"as it is":                   {func(*http.Request) {}, 200},
			"the host twice":             {func(r *http.Request) { r.Header.Set(forwardedHost, "WIKI.example.com") }, 200},
			"another host":               {func(r *http.Request) { r.Header.Set(forwardedHost, "vault.example.com") }, 400},
			"another host, second":       {func(r *http.Request) { r.Header[forwardedHost] = []string{"wiki.example.com", "vault.example.com"} }, 400},
			"a list of hosts":            {func(r *http.Request) { r.Header.Set(forwardedHost, "wiki.example.com, vault.example.com") }, 400},
			"no scheme":                  {func(r *http.Request) { r.Header.Del(forwardedProto) }, 400},
			"two schemes":                {func(r *http.Request) { r.Header[forwardedProto] = []string{"https", "http"} }, 400},
			"a list of schemes":          {func(r *http.Request) { r.Header.Set(forwardedProto, "https, http") }, 400},
			"no client":                  {func(r *http.Request) { r.Header.Del(forwardedFor) }, 400},
			"two clients":                {func(r *http.Request) { r.Header[forwardedFor] = []string{"192.0.2.1", clientAddress} }, 400},
			"a client with a name":       {func(r *http.Request) { r.Header.Set(forwardedFor, "localhost") }, 400},
			"no site":                    {func(r *http.Request) { r.Host = "any.net" }, 421},
			"below a site":               {func(r *http.Request) { r.Host = "a.wiki.example.com" }, 421},
			"the sidecar's own address":  {func(r *http.Request) { r.Host = "10.0.0.5:9080" }, 421},
			"no host":                    {func(r *http.Request) { r.Host = "" }, 421},
			"no address of the gate":     {func(r *http.Request) { r.URL.Path, r.RequestURI = "/a", "/a" }, 404},
			"dots":                       {func(r *http.Request) { r.URL.Path, r.RequestURI = "/.authentik/../a", "/.authentik/../a" }, 404},
			"encoded dots":               {func(r *http.Request) { r.URL.Path, r.RequestURI = "/.authentik/../a", "/.authentik/%2e%2e/a" }, 404},
			"another address underneath": {func(r *http.Request) { r.URL.Path, r.RequestURI = "/.authentik/a", "/.authentik/a" }, 404},
		} {
			r := passedOn(load(wiki + "/.authentik/login"))
			tt.change(r)
			want := tt.want
			if dialect == Nginx && r.URL.Path == "/a" {
				want = http.StatusForbidden // nginx may have asked there
			}
			if w := n.answer(r); w.Code != want || w.Header().Get("Remote-User") != "" {
				t.Errorf("%s: got status %d with %v, want %d", name, w.Code, w.Header(), want)
			}
		}
	})
}
