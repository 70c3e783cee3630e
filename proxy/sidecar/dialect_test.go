package sidecar

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// signedIn is a network with Jane, and a request of hers that passes.
func signedIn(t *testing.T, dialect Dialect) (*network, func() *http.Request) {
	t.Helper()
	n := newNetwork(t, dialect, nil)
	p := n.person(t, "https://wiki.example.com")
	p.SignIn()
	cookie := p.Cookies().Header()
	return n, func() *http.Request {
		r := load("https://wiki.example.com/a?b=c")
		r.Header.Set("Cookie", cookie)
		return described(r, dialect)
	}
}

// own are the headers that a dialect describes a request with.
var own = map[Dialect][]string{
	Nginx:   {originalMethod, originalURL, forwardedFor},
	Envoy:   {forwardedProto, forwardedFor},
	Traefik: {forwardedMethod, forwardedProto, forwardedHost, forwardedURI, forwardedFor},
	Caddy:   {forwardedMethod, forwardedProto, forwardedHost, forwardedURI, forwardedFor},
	HAProxy: {forwardedMethod, forwardedProto, forwardedHost, forwardedURI, forwardedFor},
}

func TestDescription_IsCompleteAndSaidOnce(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, ask := signedIn(t, dialect)
		if got := n.answer(ask()).Code; got != http.StatusOK {
			t.Fatalf("got status %d, want 200", got)
		}
		for _, name := range own[dialect] {
			for how, lines := range map[string][]string{
				"missing": nil, "empty": {""}, "doubled": {ask().Header.Get(name), ask().Header.Get(name)}, "another first": {"x", ask().Header.Get(name)},
				"a list": {ask().Header.Get(name) + ", x"},
			} {
				if how == "a list" && (name == originalURL || name == forwardedURI) {
					continue // a path may have a comma
				}
				r := ask()
				r.Header[name] = lines
				if got := n.answer(r).Code; got == http.StatusOK {
					t.Errorf("%s %s: got status 200, want a refusal", name, how)
				}
			}
		}
	})
}

// TestDescription_OfOtherDialectsIsNotRead: what a client says in them is ignored if
// it is true, and refused otherwise.
func TestDescription_OfOtherDialectsIsNotRead(t *testing.T) {
	t.Parallel()
	same := map[string]string{
		forwardedMethod: "GET", forwardedProto: "https", forwardedHost: "Wiki.example.com", forwardedURI: "/a?b=c",
		originalMethod: "GET", originalURL: "https://wiki.example.com/a?b=c",
	}
	other := map[string][]string{
		forwardedMethod: {"OPTIONS", "get", ""}, forwardedProto: {"http", "ftp", ""}, forwardedHost: {"any.other.org", "wiki.example.com:8443", ""},
		forwardedURI: {"/public", "/a", "/a?b=c#", ""}, originalMethod: {"POST", ""},
		originalURL: {"https://any.other.org/a?b=c", "http://wiki.example.com/a?b=c", "https://wiki.example.com/public", "/a?b=c", ""},
	}
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, ask := signedIn(t, dialect)
		for name, value := range same {
			r := ask()
			r.Header[name] = []string{value}
			if got := n.answer(r).Code; got != http.StatusOK {
				t.Errorf("%s: %s: got status %d, want 200", name, value, got)
			}
			for _, value := range other[name] {
				if slices.Contains(own[dialect], name) {
					continue // this says what the request is
				}
				r := ask()
				r.Header[name] = []string{value}
				if w := n.answer(r); w.Code == http.StatusOK {
					t.Errorf("%s: %s: got status 200, want a refusal", name, value)
				}
			}
		}
		for _, name := range []string{"X-Rewrite-Url", "X-Original-Uri", "Forwarded", "X-Real-Ip", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Http-Method-Override"} {
			r := ask()
			r.Header.Set(name, "host=any.other.org;proto=http")
			if got := n.answer(r).Code; got != http.StatusOK {
				t.Errorf("%s: got status %d, want it ignored", name, got)
			}
		}
	})
}

// TestDescription_IsOfARequest: what no server takes for a request is refused, also
// on a site that is open.
func TestDescription_IsOfARequest(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, func(c *proxy.Config) { c.Open = func(*http.Request) bool { return true } })
		describe := func(method, host, uri string) *http.Request {
			r := described(load("https://wiki.example.com/"), dialect)
			switch dialect {
			case Nginx:
				r.Header[originalMethod], r.Header[originalURL] = []string{method}, []string{"https://" + host + uri}
			case Envoy:
				r.Method, r.Host, r.RequestURI = method, host, "/.authentik/forward"+uri
			default:
				r.Header[forwardedMethod], r.Header[forwardedHost], r.Header[forwardedURI] = []string{method}, []string{host}, []string{uri}
			}
			return r
		}
		if got := n.answer(describe("GET", "wiki.example.com", "/a/b.c?x=%2f&y=1,%202")).Code; got != http.StatusOK {
			t.Errorf("got status %d for a request, want 200", got)
		}
		for _, tt := range []struct{ method, host, uri string }{
			{"", "wiki.example.com", "/"},
			{"get", "wiki.example.com", "/"},
			{"G T", "wiki.example.com", "/"},
			{"CONNECT", "wiki.example.com", "/"},
			{strings.Repeat("A", 64), "wiki.example.com", "/"},
			{"GET", "", "/"},
			{"GET", "wiki.example.com@any.net", "/"},
			{"GET", "any.net", "/"},
			{"GET", "example.com", "/"},
			{"GET", "wiki.example.com.any.net", "/"},
			{"GET", "badwiki.example.com", "/"},
			{"GET", "a.b.other.org", "/"},
			{"GET", "other.org", "/"},
			{"GET", ".other.org", "/"},
			{"GET", "a b.other.org", "/"},
			{"GET", `a\b.other.org`, "/"},
			{"GET", "wiki.example.com/.other.org", "/"},
			{"GET", "wiki.example.com?.other.org", "/"},
			{"GET", "wiki.example.com#.other.org", "/"},
			{"GET", "wiki.example.com", ""},
			{"GET", "wiki.example.com", "*"},
			{"GET", "wiki.example.com", "a"},
			{"GET", "wiki.example.com", "http://wiki.example.com/"},
			{"GET", "wiki.example.com", "/%zz"},
			{"GET", "wiki.example.com", "/\x00"},
			{"GET", "wiki.example.com", "/\n"},
			{"GET", "wiki.example.com", "/\x7f"},
		} {
			if dialect == Nginx && strings.Contains(tt.host, "/") {
				continue // that is a host with a path
			}
			if w := n.answer(describe(tt.method, tt.host, tt.uri)); w.Code < 400 {
				t.Errorf("%q %q %q: got status %d with %v, want a refusal", tt.method, tt.host, tt.uri, w.Code, w.Header())
			}
		}
	})
}

// TestDescription_HasTheSchemeOfTheCookie: over plain HTTP the session's cookie has
// another name. The scheme of a WebSocket is that of its page.
func TestDescription_HasTheSchemeOfTheCookie(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]int{"https": 200, "HTTPS": 200, "wss": 200, "http": 303, "ws": 303, "ftp": 400, "https, http": 400} {
		n, ask := signedIn(t, Traefik)
		r := ask()
		r.Header.Set(forwardedProto, scheme)
		if got := n.answer(r).Code; got != want {
			t.Errorf("%s: got status %d, want %d", scheme, got, want)
		}
	}
}

func TestConfig_MistakesAreFoundTogether(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "from is missing") || !strings.Contains(err.Error(), "site is missing") {
		t.Errorf("got %v, want both lists missing", err)
	}
	for _, tt := range []struct{ network, dialect, want string }{
		{"10.0.0.2", "nginx", ""},
		{"10.0.0.0/8", "traefik", ""},
		{"fd00::/8", "envoy", ""},
		{"10.0.0.1/8", "nginx", "write 10.0.0.0/8"},
		{"10.0.0.2", "apache", "write one of nginx"},
		{"10.0.0.2", "Nginx", "write one of nginx"},
		{"nginx", "nginx", "not the address"},
		{"fe80::1%eth0", "nginx", "not the address"},
		{"", "nginx", "not the address"},
	} {
		_, err := ParsePeer(tt.network, tt.dialect)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %s: got %v, want %q", tt.network, tt.dialect, err, tt.want)
		}
	}
	one, _ := ParsePeer("10.0.0.2", "nginx")
	other, _ := ParsePeer("10.0.0.2/32", "envoy")
	errs := Config{From: []Peer{one, other}, Sites: []Site{{Host: "a.example.com"}, {Host: "A.example.com"}, {Host: "*"}, {Host: "https://b"}, {Host: "a.*.com"}}}.Check()
	if len(errs) != 5 {
		t.Errorf("got %v, want a peer given twice, a site given twice, and three names that are not hosts", errs)
	}
}

// TestPeer_OfTheSmallestNetworkCounts has one proxy of another kind in a network.
func TestPeer_OfTheSmallestNetworkCounts(t *testing.T) {
	t.Parallel()
	wide, _ := ParsePeer("10.0.0.0/8", "nginx")
	narrow, _ := ParsePeer("10.0.0.2", "envoy")
	mapped, _ := ParsePeer("::ffff:192.168.0.0/112", "caddy")
	all := newPeers([]Peer{wide, narrow, mapped})
	for address, want := range map[string]*dialect{
		"10.0.0.2:1": dialects[Envoy], "10.0.0.3:1": dialects[Nginx], "11.0.0.1:1": nil, "192.168.1.1:1": dialects[Caddy], "[::ffff:10.0.0.2]:1": dialects[Envoy],
	} {
		if got := all.dialect(&http.Request{RemoteAddr: address}); got != want {
			t.Errorf("%s: got %+v, want %+v", address, got, want)
		}
	}
}

// TestSite_NameCountsMoreThanAPattern also says that a pattern ends at a label.
func TestSite_NameCountsMoreThanAPattern(t *testing.T) {
	t.Parallel()
	all := newSites([]Site{{Host: "*.example.com"}, {Host: "Wiki.example.com"}, {Host: "wiki.example.com:8443"}, {Host: "*.example.com:99"}, {Host: "[fd00::1]"}})
	for host, want := range map[string]string{
		"wiki.example.com": "Wiki.example.com", "WIKI.EXAMPLE.COM.": "Wiki.example.com", "wiki.example.com:443": "Wiki.example.com", "wiki.example.com:8443": "wiki.example.com:8443",
		"a.example.com": "*.example.com", "a.example.com:99": "*.example.com:99", "a.b.example.com": "", "example.com": "", "badexample.com": "", "aexample.com": "", "*.example.com": "*.example.com",
		"": "", ".example.com": "", ".": "",
	} {
		if got, _ := all.at(host); got.Host != want {
			t.Errorf("%s: got %q, want %q", host, got.Host, want)
		}
	}
}

func TestClient_IsWhatThePeerHasSeen(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "1.2.3.4, 203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "203.0.113.7:4711": "203.0.113.7",
		"[2001:db8::1]:4711": "2001:db8::1", "unknown": "", "1.2.3.4,": "",
	} {
		var d description
		err := d.readClient(http.Header{forwardedFor: {line}})
		if (err == nil) != (want != "") || err == nil && d.client.String() != want {
			t.Errorf("%q: got %v, %v, want %q", line, d.client, err, want)
		}
	}
	n, _ := signedIn(t, Caddy)
	if got := n.App.Requests(); len(got) == 0 || got[0].Header.Get("Remote-User") != testsite.Jane {
		t.Errorf("got the requests %v, want one of Jane", got)
	}
}
